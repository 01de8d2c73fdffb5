export {
  type AbsentCaching,
  absentCacheHeaders,
  type ContentCaching,
  CREDENTIAL_HEADERS,
  contentCacheControl,
} from './cache-control.ts'
export {
  type ConditionOutcome,
  holdsIfRange,
  parseWriteCondition,
  revisionUnlessModified,
  type Validators,
  weighReadConditions,
} from './conditions.ts'
export { formatDisposition } from './content-disposition.ts'
export {
  type ContentType,
  essenceOf,
  formatContentType,
  parseContentType,
} from './content-type.ts'
export { formatHttpDate, parseHttpDate } from './dates.ts'
export { declaredDigest, formatDigestField, parseDigestField } from './digest-fields.ts'
export {
  type EntityTag,
  type EntityTagList,
  etagOfDigest,
  etagOfRevision,
  formatEtag,
  parseEtag,
  parseEtagList,
  revisionOfEtag,
} from './etag.ts'
export { type HeaderList, headerIn, headerOf, isHeaderValue, type RequestHeaders } from './headers.ts'
export { INLINE_TYPES } from './inline-types.ts'
export type { MultipartRanges, RangePart } from './multipart-ranges.ts'
export {
  formatObjectPath,
  metadataHeaders,
  OBJECT_STATUS_HEADER,
  OBJECT_TYPE_HEADER,
  objectHeaders,
  objectJson,
  parseObjectHead,
  parseObjectJson,
  parseObjectMetadata,
  parseObjectPath,
  parseObjectQuery,
  parseObjectType,
} from './object-wire.ts'
export { type Problem, type ProblemAnswer, type ProblemOptions, problemAnswer, problemOf } from './problem.ts'
export { contentRange, parseRange, type RangeLimits, type RangeRequest } from './ranges.ts'
export {
  entityOf,
  planRead,
  type ReadBody,
  type ReadEntity,
  type ReadPlan,
  type ReadPlanOptions,
  type ReadRequest,
} from './read-plan.ts'
export { requestIdOf } from './request-id.ts'
export { CONTENT_SECURITY_POLICY, type ResourcePolicy, SAFETY_HEADERS } from './safety-headers.ts'
export { parseTraceParent, type TraceParent } from './trace-parent.ts'
export { parseUploadName } from './upload-name.ts'
export { setHeaders, writeHead } from './write-head.ts'
