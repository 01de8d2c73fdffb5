/** One field of one answer in which the two servers differ. */
export interface Difference {
  /** Method and label. */
  readonly request: string
  readonly field: string
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

export interface Explanation {
  /** What the protocol says, or where it leaves the choice. */
  readonly because: string
  readonly requests: RegExp
  readonly field: string
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

export function explains(row: Explanation, { request, field, ours, theirs }: Difference): boolean {
  return row.field === field && row.ours === ours && row.theirs === theirs && row.requests.test(request)
}

const VERSION_412 =
  'Tus-Resumable: if the version is not supported, the Server MUST respond with 412 and MUST include Tus-Version'
const OVERRIDE =
  "X-HTTP-Method-Override MUST be interpreted as the request's method; the actual method MUST be ignored"
const TYPE_415 = 'PATCH: another type than application/offset+octet-stream SHOULD be answered with 415'
const TYPE_CASE = 'RFC 9110 section 8.3.1: types have no case, and may have parameters'
const NO_CONCATENATION = 'Concatenation is an extension that the reference server does not offer'
const NO_CHECKSUM =
  'Checksum is an extension that the reference server does not offer; it passes over the header'
const METHODS = 'RFC 9110 section 15.5.6: a method that a target does not have is 405 with Allow'

/** All of them: one that stands here no longer fails the test as one that does not stand here. */
export const DIFFERENCES: readonly Explanation[] = [
  row(VERSION_412, /: version (0\.2\.2|1\.0\.1|2\.0\.0|x): /, 'status', '412', '400'),
  row(VERSION_412, /: version (undefined|): /, 'tus-version', '1.0.0', undefined),

  row(
    TYPE_415,
    /^PATCH: PATCH as (application\/octet-stream|text\/plain|application\/offset\+octet-streams)$/,
    'status',
    '415',
    '400',
  ),
  row(TYPE_415, /^PATCH: PATCH as undefined$/, 'status', '415', '403'),
  row(
    TYPE_CASE,
    /^PATCH: PATCH as application\/offset\+octet-stream(; charset=binary)?$/i,
    'status',
    '204',
    '400',
  ),
  row(
    TYPE_CASE,
    /^HEAD: PATCH as application\/offset\+octet-stream(; charset=binary)?, then HEAD$/i,
    'upload-offset',
    '5',
    '0',
  ),
  row(
    'Creation With Upload: the Client MUST include Content-Type: application/offset+octet-stream, and the rules of PATCH apply',
    /^POST: POST with bytes (and no|of another) type$/,
    'status',
    '415',
    '201',
  ),

  row(OVERRIDE, /^POST: POST that is meant as (PATCH|DELETE)$/, 'status', '204', '400'),
  row(OVERRIDE, /^HEAD: POST that is meant as DELETE, then HEAD$/, 'status', '410', '200'),
  row(OVERRIDE, /^PUT: PUT that is meant as PATCH$/, 'status', '204', '404'),
  row(OVERRIDE, /^POST: POST that is meant as HEAD$/, 'status', '200', '400'),
  row(OVERRIDE, /^POST: POST that is meant as NONSENSE$/, 'status', '405', '400'),
  row(OVERRIDE, /^HEAD: (POST|PUT) that is meant as PATCH, then HEAD$/, 'upload-offset', '5', '0'),

  row(
    'Upload-Offset: the value MUST be a non-negative integer; a request without a header that it needs is 400, not a matter of rights',
    /^PATCH: PATCH at offset undefined$/,
    'status',
    '400',
    '403',
  ),
  row(
    'Upload-Offset: a number that cannot be counted with is no offset',
    /^PATCH: PATCH at offset 9007199254740992$/,
    'status',
    '400',
    '409',
  ),
  row(
    'Upload-Metadata: HEAD MUST include its value as specified by the Client',
    /^HEAD: an empty value, then HEAD$/,
    'upload-metadata',
    'flag ,filename YS50eHQ=',
    'flag,filename YS50eHQ=',
  ),
  row(
    'Upload-Metadata: HEAD MUST include its value as specified by the Client; values can be arbitrary bytes',
    /^HEAD: bytes that are no text, then HEAD$/,
    'upload-metadata',
    'mine AAEC/w==',
    'mine AAEC77+9',
  ),
  row(
    'POST: the Server MAY reject an upload; there are no empty media here',
    /^POST: POST of 0 bytes$/,
    'status',
    '400',
    '201',
  ),
  row(
    'Creation: the new resource has an implicit offset of 0; it is told here too',
    /^POST: begin$/,
    'upload-offset',
    '0',
    undefined,
  ),
  row(
    'Expiration: Upload-Expires MUST be in answers to PATCH and POST; in those to HEAD it may be',
    /^HEAD: .*, then HEAD$/,
    'upload-expires',
    'told',
    undefined,
  ),

  row(
    'Termination: 404 or 410 afterwards; what has ended is told for a day',
    /^(HEAD|PATCH|DELETE): (DELETE( of all bytes)?, then HEAD|PATCH after DELETE|DELETE after DELETE)$/,
    'status',
    '410',
    '404',
  ),
  row(METHODS, /^(PUT|PATCH|DELETE|HEAD): \1 of the beginning$/, 'status', '405', '404'),
  row(METHODS, /^PUT: PUT of an upload$/, 'status', '405', '404'),
  row(METHODS, /^POST: POST of an upload$/, 'status', '405', '400'),

  row(NO_CHECKSUM, /^PATCH: a piece with another checksum$/, 'status', '460', '204'),
  row(NO_CHECKSUM, /^HEAD: a piece with another checksum, then HEAD$/, 'upload-offset', '5', '10'),
  row(NO_CHECKSUM, /^PATCH: a piece with an unknown checksum$/, 'status', '400', '204'),
  row(NO_CHECKSUM, /^PATCH: a piece with a bad checksum$/, 'status', '400', '409'),

  row(NO_CONCATENATION, /^POST: (begin a part|the whole)$/, 'status', '201', '501'),
  row(NO_CONCATENATION, /^HEAD: (a part|the whole), then HEAD$/, 'status', '200', '404'),
  row(NO_CONCATENATION, /^PATCH: the bytes of a part$/, 'status', '204', '404'),
  row(NO_CONCATENATION, /^PATCH: PATCH of the whole$/, 'status', '403', '404'),
  row(NO_CONCATENATION, /^POST: POST (with concat final;|of a whole .*)$/, 'status', '400', '501'),
  row(NO_CONCATENATION, /^POST: POST with concat final;\/none$/, 'status', '404', '501'),
]

function row(
  because: string,
  requests: RegExp,
  field: string,
  ours: string | undefined,
  theirs: string | undefined,
): Explanation {
  return { because, requests, field, ours, theirs }
}
