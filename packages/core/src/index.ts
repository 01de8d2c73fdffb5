/**
 * Contracts, storage rules and in-memory parts of Mediakeep.
 * @packageDocumentation
 */

export * from './access/index.ts'
export { checkDigest, sizeMismatch } from './bytes/declared.ts'
export { digestFromHex, digestHex, digestOf, isDigest } from './bytes/digest.ts'
export { isId, newId } from './bytes/id.ts'
export { makeFolder } from './bytes/make-folder.ts'
export { checkObjectKey } from './bytes/object-key.ts'
export { createObjectReader, type OpenedObject } from './bytes/object-reader.ts'
export { checkPart, checkPosition, partEnded, partShort } from './bytes/partials.ts'
export { clampRange, rangeBytes } from './bytes/range.ts'
export { GiB, KiB, MiB, TiB } from './bytes/sizes.ts'
export { bytesSource, destroyOnAbort, fileSource } from './bytes/source.ts'
export { CHUNK_BYTES, createChunkSummer } from './cas/chunk-sums.ts'
export * from './catalog/index.ts'
export type * from './contracts/index.ts'
export * from './decorators/index.ts'
export {
  DEFAULT_NAMESPACE,
  IDEMPOTENCY_TTL_MS,
  JOURNAL_SYNC_MS,
  LOADING_RETRY_AFTER_MS,
  MAX_IDLE_FILES,
  MAX_LEASE_MS,
  SETTLED_STATE_TTL_MS,
  SIGNED_UPLOAD_MAX_MS,
  SIGNED_UPLOAD_SKEW_MS,
  SIGNED_UPLOAD_TTL_MS,
  STAGING_BUDGET_BYTES,
  STAGING_HEAD_ROOM_BYTES,
  STAGING_STEP_BYTES,
  SWEEP_AFTER_MS,
} from './defaults.ts'
export { MEDIA_ERRORS, type MediaErrorCode, statusOf } from './errors/codes.ts'
export { isMediaError, MediaError, type MediaErrorOptions } from './errors/media-error.ts'
export * from './eviction/index.ts'
export * from './failover/index.ts'
export * from './http/index.ts'
export * from './inspect/index.ts'
export { createKeyRing, createSigningKey, type SigningKey } from './keys/key-ring.ts'
export {
  canonicalQuery,
  createRequestSigner,
  escapeUri,
  type PresignParts,
  presignedQuery,
  type RequestSigner,
  type SignedParts,
  type SigningKeys,
  signedHeaders,
  timestampOf,
} from './keys/sign-v4.ts'
export * from './media-store/index.ts'
export {
  createMemoryTables,
  type MemoryCatalogOptions,
  type MemoryTables,
  memoryCatalog,
} from './memory/catalog/index.ts'
export {
  createMemoryVolume,
  type MemoryStore,
  type MemoryStoreOptions,
  type MemoryVolume,
  type MemoryVolumeOptions,
  memoryStore,
} from './memory/object-store/index.ts'
export * from './names/index.ts'
export * from './options/index.ts'
export * from './state/index.ts'
export { awsPrices } from './tiering/prices.ts'
export type { TierOptions, TierRole } from './tiering/tier.ts'
export { type CallScope, openCallScope } from './time/call-scope.ts'
export { systemClock } from './time/clock.ts'
export { createKeyedLock, type KeyedLock } from './time/keyed-lock.ts'
export { MAX_TIMER_MS } from './time/max-timer.ts'
export { stayAwake } from './time/stay-awake.ts'
export {
  type ObjectPartials,
  type ObjectPartialsOptions,
  objectPartials,
} from './uploads/object-partials.ts'
export { signUpload, type UploadSigner, verifySignedUpload } from './uploads/signed-upload.ts'
export { DEFAULT_POLICIES } from './validation/policies.ts'
