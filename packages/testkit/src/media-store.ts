import {
  createMediaStore,
  type MediaStore,
  type MediaStoreOptions,
  memoryCatalog,
  memoryStore,
  systemClock,
} from '@mediakeep/core'

export interface MemoryMediaStoreOptions extends Omit<Partial<MediaStoreOptions>, 'catalog' | 'tiers'> {
  /** Room for bytes; over it MEDIA_NO_SPACE. Default 1 GiB. */
  readonly maxBytes?: number
}

/**
 * A whole media store in memory, for tests of hosts: the real rules, no files, no servers, and no timers unless asked.
 * Each call gives a store of its own; close it after the test.
 * @example
 * const store = await memoryMediaStore()
 * const media = await store.put(Buffer.from('hello'), { filename: 'hello.txt' })
 */
export async function memoryMediaStore(options: MemoryMediaStoreOptions = {}): Promise<MediaStore> {
  const { maxBytes, clock = systemClock, ...rest } = options
  const objects = memoryStore({ clock, ...(maxBytes === undefined ? {} : { maxBytes }) })
  return createMediaStore({
    tiers: [{ name: 'memory', store: objects }],
    catalog: memoryCatalog({ clock }),
    upkeep: { intervalMs: 0 },
    clock,
    ...rest,
  })
}
