import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Subject } from './subject.ts'

/** What a first draft does: streams the body to its final name and calls it kept. */
export async function openNaive(folder: string): Promise<Subject> {
  await mkdir(folder, { recursive: true })
  const fileOf = (key: string): string => join(folder, encodeURIComponent(key))
  return {
    mayRefuse: false,
    put: (key, bytes) => pipeline(Readable.from([bytes]), createWriteStream(fileOf(key))),
    async get(key) {
      try {
        return Buffer.concat(await createReadStream(fileOf(key)).toArray())
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    delete: (key) => rm(fileOf(key), { force: true }),
    collect: async () => {},
    close: async () => {},
  }
}
