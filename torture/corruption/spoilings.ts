import { copyFile, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Random } from '@mediakeep/testkit'

/** One way in which a disk, or somebody with a shell, ruins a file. */
export interface Spoiling {
  readonly name: string
  /** Smallest file it changes. */
  readonly minBytes: number
  /** Ruins `path`; `other` is another object's file, which must stay as it is. @returns whether anything changed */
  spoil(path: string, other: string, random: Random): Promise<boolean>
}

async function change(path: string, edit: (bytes: Buffer) => Buffer): Promise<boolean> {
  const before = await readFile(path)
  const after = edit(Buffer.from(before))
  await writeFile(path, after)
  return !after.equals(before)
}

const PAGE_BYTES = 4_096

export const SPOILINGS: readonly Spoiling[] = [
  {
    name: 'one flipped bit',
    minBytes: 1,
    spoil: (path, _, random) =>
      change(path, (bytes) => {
        const at = random.integer(0, bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(0, 8))
        return bytes
      }),
  },
  {
    name: 'a run of other bytes',
    minBytes: 1,
    spoil: (path, _, random) =>
      change(path, (bytes) => {
        const start = random.integer(0, bytes.length)
        bytes.set(random.bytes(Math.min(512, bytes.length - start)), start)
        return bytes
      }),
  },
  {
    name: 'a page of zeros',
    minBytes: 1,
    spoil: (path, _, random) =>
      change(path, (bytes) => {
        const page = random.integer(0, Math.ceil(bytes.length / PAGE_BYTES))
        return bytes.fill(0, page * PAGE_BYTES, Math.min(bytes.length, (page + 1) * PAGE_BYTES))
      }),
  },
  {
    name: 'a cut end',
    minBytes: 1,
    spoil: async (path, _, random) => {
      const { length } = await readFile(path)
      await truncate(path, random.integer(0, length))
      return true
    },
  },
  {
    name: 'bytes behind the end',
    minBytes: 0,
    spoil: (path, _, random) =>
      change(path, (bytes) => Buffer.concat([bytes, random.bytes(1 + random.integer(0, 5_000))])),
  },
  {
    name: 'the bytes of another object',
    minBytes: 0,
    spoil: async (path, other) => {
      const before = await readFile(path)
      await copyFile(other, path)
      return !before.equals(await readFile(path))
    },
  },
  {
    name: 'a deleted file',
    minBytes: 0,
    spoil: async (path) => {
      await rm(path)
      return true
    },
  },
  {
    name: 'a move to another shard',
    minBytes: 0,
    spoil: async (path) => {
      const shard = dirname(path)
      const away = join(dirname(shard), shard.endsWith('00') ? '01' : '00')
      await rename(path, join(away, path.slice(shard.length + 1)))
      return true
    },
  },
  {
    name: 'a folder in its place',
    minBytes: 0,
    spoil: async (path) => {
      await rm(path)
      await mkdir(path)
      return true
    },
  },
  {
    name: 'a link in its place',
    minBytes: 0,
    spoil: async (path, other) => {
      await rm(path)
      await symlink(other, path)
      return true
    },
  },
]
