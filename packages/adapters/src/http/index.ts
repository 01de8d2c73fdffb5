/**
 * Objects of another instance, over HTTP.
 * @packageDocumentation
 */
export type { HttpReason } from './errors.ts'
export type { HttpHeaders, HttpStoreOptions } from './options.ts'
export { type HttpStore, httpStore } from './store.ts'
