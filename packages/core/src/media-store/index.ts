export { createMediaStore } from './create.ts'
export type { LimitOptions, MediaStoreOptions, ReadOptions, UpkeepOptions } from './options.ts'
