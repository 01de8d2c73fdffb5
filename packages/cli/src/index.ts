/**
 * The embedded default of Mediakeep in one import: files and SQLite in one folder, no servers.
 *
 * @example
 * ```ts
 * import { openMediaStore } from 'mediakeep'
 *
 * const store = await openMediaStore('./media')
 * const media = await store.put({ path: 'photo.jpg' }, { filename: 'photo.jpg' })
 * ```
 * @packageDocumentation
 */
export { type EmbeddedTier, type OpenMediaStoreOptions, openMediaStore } from './open-media-store.ts'
