export { type MemoryCatalogOptions, memoryCatalog } from './catalog.ts'
export { createMemoryTables, type MemoryTables } from './tables.ts'
