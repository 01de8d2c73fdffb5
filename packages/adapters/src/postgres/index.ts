/**
 * The catalog in PostgreSQL.
 * @packageDocumentation
 */
export { postgresCatalog } from './catalog.ts'
export type { PostgresClient, PostgresPool, SubmittedQuery, WireConnection } from './connection/pool.ts'
export { lookAtPostgresCatalog, withScratchCatalog } from './look.ts'
export type { PostgresCatalogOptions, PostgresCatalogSettings, PostgresSource } from './options.ts'
