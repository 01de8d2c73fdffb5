export { createMediaStore } from './create.ts'
export type { LimitOptions, MediaStoreOptions, ReadOptions, UpkeepOptions } from './options.ts'
export { type AddressSigner, signUrl, verifySignedUrl } from './signed-url.ts'
export { nameOf } from './watch.ts'
