import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  bytesSource,
  checkObjectKey,
  MediaError,
  type MemoryStore,
  type ObjectHead,
  type ObjectStore,
  type Partials,
  type StagedBody,
  type Staging,
} from '@mediakeep/core'

/**
 * A memory store that mirrors each object into a file, so that `adopt`, `localPath` and staged paths can be shown
 * and their cases tested. The mirror follows the bytes: a toy, not a store to keep anything in.
 */
export function localMemoryStore(directory: string, inner: MemoryStore): ObjectStore {
  const objects = join(directory, 'objects')
  const pathOf = (key: string): string => {
    checkObjectKey(inner.name, key, inner.traits.maxKeyBytes)
    return join(objects, `k${Buffer.from(key).toString('hex').slice(0, 240)}`)
  }
  async function mirror(head: ObjectHead): Promise<ObjectHead> {
    const bytes = inner.volume.find(head.key)?.bytes
    await mkdir(objects, { recursive: true })
    if (bytes !== undefined) await writeFile(pathOf(head.key), bytes)
    return head
  }
  return {
    ...inner,
    put: async (key, source, options) => mirror(await inner.put(key, source, options)),
    async delete(key, call) {
      await inner.delete(key, call)
      await rm(pathOf(key), { force: true })
    },
    async deleteMany(keys, call) {
      const results = await inner.deleteMany(keys, call)
      for (const { key, error } of results) if (error === undefined) await rm(pathOf(key), { force: true })
      return results
    },
    localPath: pathOf,
    async adopt(key, filePath, options) {
      await inner.head(key, options) // refuses a bad key, and a closed store, before the file is touched
      const bytes = await readFile(filePath).catch((cause: unknown) => {
        throw new MediaError('MEDIA_UNAVAILABLE', `${inner.name}: cannot adopt ${filePath}`, { cause })
      })
      const head = await mirror(await inner.put(key, bytesSource(bytes), options))
      await rm(filePath, { force: true })
      return head
    },
    ...(inner.staging === undefined ? {} : { staging: stagingWithPaths(inner.staging, directory) }),
  }
}

function stagingWithPaths(inner: Staging, directory: string): Staging {
  let bodies = 0
  return {
    get usedBytes() {
      return inner.usedBytes
    },
    budgetBytes: inner.budgetBytes,
    sweep: (keep) => inner.sweep(keep),
    ...(inner.partials === undefined ? {} : { partials: partialsWithPaths(inner.partials, directory) }),
    async create(options) {
      const writer = await inner.create(options)
      return {
        write: (chunk) => writer.write(chunk),
        abort: () => writer.abort(),
        async finish(digest): Promise<StagedBody> {
          return withPath(await writer.finish(digest), join(directory, `staged-${bodies++}`))
        },
      }
    },
  }
}

function partialsWithPaths(inner: Partials, directory: string): Partials {
  let bodies = 0
  return {
    open: (part) => inner.open(part),
    delete: (part) => inner.delete(part),
    async find(part) {
      const body = await inner.find(part)
      return body === undefined ? undefined : withPath(body, join(directory, `part-${bodies++}`))
    },
  }
}

/** The bytes in a file too. */
async function withPath(body: StagedBody, path: string): Promise<StagedBody> {
  await writeFile(path, body.open())
  return {
    sizeBytes: body.sizeBytes,
    ...(body.digest === undefined ? {} : { digest: body.digest }),
    path,
    open: (open) => body.open(open),
    async discard() {
      await body.discard()
      await rm(path, { force: true })
    },
  }
}
