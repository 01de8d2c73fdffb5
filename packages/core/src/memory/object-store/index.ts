export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './store.ts'
export { createMemoryVolume, type MemoryVolume, type MemoryVolumeOptions } from './volume.ts'
