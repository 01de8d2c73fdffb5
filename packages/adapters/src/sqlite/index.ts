/**
 * The catalog in a SQLite file.
 * @packageDocumentation
 */
export { type SqliteCatalogOptions, sqliteCatalog } from './catalog.ts'
export type { SqliteDriverName } from './driver.ts'
