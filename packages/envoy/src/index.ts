/**
 * The gate: whether media is ready, loading or missing, asked by a proxy before any request reaches storage.
 * @packageDocumentation
 */

export type * from './contracts.ts'
