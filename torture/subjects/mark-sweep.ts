import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashOf } from '../writers/bodies.ts'
import type { Subject } from './subject.ts'

/**
 * Content by digest and names beside it, each written with every sync there is. Its collector remembers which contents
 * have a name, then deletes the others at once: without grace, beside puts that have their content and not yet their name.
 */
export async function openMarkSweep(folder: string): Promise<Subject> {
  const contents = join(folder, 'contents')
  const names = join(folder, 'names')
  for (const path of [contents, names]) await mkdir(path, { recursive: true })
  const nameOf = (key: string): string => join(names, encodeURIComponent(key))
  return {
    mayRefuse: false,
    async put(key, bytes) {
      const digest = hashOf(bytes)
      const isThere = await stat(join(contents, digest)).catch(() => undefined)
      if (isThere === undefined) await writeDurably(contents, digest, bytes)
      await writeDurably(names, encodeURIComponent(key), Buffer.from(digest))
    },
    async get(key) {
      const digest = await readFile(nameOf(key), 'utf8').catch(() => undefined)
      return digest === undefined ? undefined : readFile(join(contents, digest))
    },
    delete: (key) => rm(nameOf(key), { force: true }),
    async collect() {
      const marked = new Set<string>()
      for (const name of await readdir(names))
        if (!name.includes('~')) marked.add(await readFile(join(names, name), 'utf8').catch(() => ''))
      for (const digest of await readdir(contents))
        if (!marked.has(digest) && !digest.includes('~')) await rm(join(contents, digest), { force: true })
    },
    close: async () => {},
  }
}

async function writeDurably(folder: string, name: string, bytes: Buffer): Promise<void> {
  const temporary = join(folder, `~${randomUUID()}`)
  await writeSynced(temporary, bytes)
  await rename(temporary, join(folder, name))
  const directory = await open(folder)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
