import { createRequire } from 'node:module'
import type { Subject } from './subject.ts'

/** The calls that are made; the package brings no types. */
interface Cacache {
  put(cache: string, key: string, data: Buffer): Promise<unknown>
  get(cache: string, key: string): Promise<{ readonly data: Buffer }>
  verify(cache: string): Promise<unknown>
  readonly rm: { entry(cache: string, key: string): Promise<unknown> }
}

/** npm's content-addressed cache. It syncs nothing, and its verify sweeps what it did not see marked. */
export async function openCacache(folder: string): Promise<Subject> {
  const cacache = createRequire(import.meta.url)('cacache') as Cacache
  return {
    mayRefuse: true,
    put: async (key, bytes) => void (await cacache.put(folder, key, bytes)),
    async get(key) {
      try {
        return (await cacache.get(folder, key)).data
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    delete: async (key) => void (await cacache.rm.entry(folder, key)),
    collect: async () => void (await cacache.verify(folder)),
    close: async () => {},
  }
}
