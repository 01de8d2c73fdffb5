import { createHash } from 'node:crypto'
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { bytesSource, createMediaStore } from '@mediakeep/core'
import cacache from 'cacache'

/** Every subject gets the same: a file in memory, by stream unless its name says otherwise. */
const streamOf = ({ path }) => createReadStream(path)
const streamSource = (source) => ({
  sizeBytes: source.sizeBytes,
  digest: source.digest,
  open: ({ range } = {}) =>
    createReadStream(
      source.path,
      range === undefined ? {} : { start: range.start, end: range.endExclusive - 1 },
    ),
})

/** Reads a stream to its end as a receiver would; answers its length. */
function drain(stream) {
  return new Promise((resolve, reject) => {
    let bytes = 0
    stream.on('data', (chunk) => (bytes += chunk.length))
    stream.on('error', reject)
    stream.on('end', () => resolve(bytes))
  })
}

/** Hashes what it reads and compares, as a reader must that trusts nothing. */
async function drainVerified(stream, digest) {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of stream) {
    hash.update(chunk)
    bytes += chunk.length
  }
  if (`sha256:${hash.digest('hex')}` !== digest) throw new Error('wrong bytes')
  return bytes
}

const physicalKey = ({ digest }, index) => `${digest.slice(7, 9)}/${digest.slice(7)}.${index}`

/** The object store alone; the digest is known and checked on the way in, so every byte is hashed as in a put. */
function storeAlone(durability, toSource) {
  return async (folder) => {
    const store = fsStore({ root: join(folder, 'volume'), durability })
    await store.open()
    return {
      put: async (source, index) => {
        await store.put(physicalKey(source, index), await toSource(source), { checksum: source.digest })
        return physicalKey(source, index)
      },
      async get(key, source) {
        const reader = await store.get(key)
        return drainVerified(reader.stream(), source.digest)
      },
      close: () => store.close(),
    }
  }
}

const wholeStore = (durability, toBody, readOptions) => async (folder) => {
  const store = await createMediaStore({
    tiers: [{ name: 'disk', store: fsStore({ root: join(folder, 'volume'), durability }) }],
    catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
    policies: [{ match: '*', allowUnrecognised: true }],
    reads: readOptions,
    upkeep: { intervalMs: 0 },
  })
  return {
    put: async (source) => (await store.put(await toBody(source))).id,
    async get(id) {
      const reader = await store.open(id)
      return reader.buffered === undefined ? drain(reader.stream()) : reader.buffered.length
    },
    close: () => store.close(),
  }
}

const cacacheSubject = (write) => async (folder) => {
  const cache = join(folder, 'cache')
  return {
    put: async (source, index) => {
      await write(cache, `key-${index}`, source)
      return `key-${index}`
    },
    get: (key) => drain(cacache.get.stream(cache, key, { memoize: false })),
    close: async () => {},
  }
}

/** 256 directories as our store has, made beforehand: what is compared is writing, not mkdir. */
async function shards(folder) {
  for (let shard = 0; shard < 256; shard++)
    await mkdir(join(folder, shard.toString(16).padStart(2, '0')), { recursive: true })
}

const pipelineSubject = async (folder) => {
  await shards(folder)
  return {
    async put(source, index) {
      const unfinished = join(folder, `unfinished-${index}`)
      const hash = createHash('sha256')
      await pipeline(
        streamOf(source),
        async function* (chunks) {
          for await (const chunk of chunks) {
            hash.update(chunk)
            yield chunk
          }
        },
        createWriteStream(unfinished),
      )
      const hex = hash.digest('hex')
      const path = join(folder, hex.slice(0, 2), `${hex}.${index}`)
      await rename(unfinished, path)
      return path
    },
    get: (path, source) => drainVerified(createReadStream(path), source.digest),
    close: async () => {},
  }
}

const copyFileSubject = async (folder) => {
  await shards(folder)
  return {
    async put(source, index) {
      const path = join(folder, source.digest.slice(7, 9), `copy-${index}`)
      await copyFile(source.path, path, constants.COPYFILE_EXCL)
      return path
    },
    get: (path) => drain(createReadStream(path)),
    close: async () => {},
  }
}

const writeFileSubject = async (folder) => {
  await shards(folder)
  return {
    async put(source, index) {
      const path = join(folder, source.digest.slice(7, 9), `copy-${index}`)
      await writeFile(path, await readFile(source.path))
      return path
    },
    get: async (path) => (await readFile(path)).length,
    close: async () => {},
  }
}

const toBytes = async (source) => bytesSource(await readFile(source.path), source.digest)

/** `buffers`: bodies that fit in memory are given whole; only for sizes where a host would do that. */
export const SUBJECTS = {
  'store alone, durable': { kind: 'ours', create: storeAlone('durable', streamSource) },
  'store alone, no sync': { kind: 'ours', create: storeAlone('none', streamSource) },
  'put/open, durable': { kind: 'ours', create: wholeStore('durable', streamOf, undefined) },
  'cacache put.stream/get.stream (sha256, no sync)': {
    kind: 'peer',
    create: cacacheSubject((cache, key, source) =>
      pipeline(streamOf(source), cacache.put.stream(cache, key, { algorithms: ['sha256'] })),
    ),
  },
  'stream pipeline, hash, rename (no sync)': { kind: 'peer', create: pipelineSubject },
  'copyFile / read stream (no hash, no sync)': { kind: 'limit', create: copyFileSubject },
}

export const BUFFER_SUBJECTS = {
  'store alone, durable, buffer': { kind: 'ours', create: storeAlone('durable', toBytes) },
  'store alone, no sync, buffer': { kind: 'ours', create: storeAlone('none', toBytes) },
  'put/open, durable, buffer': {
    kind: 'ours',
    create: wholeStore('durable', ({ path }) => readFile(path), undefined),
  },
  'cacache put, buffer (sha256, no sync)': {
    kind: 'peer',
    create: cacacheSubject(async (cache, key, source) =>
      cacache.put(cache, key, await readFile(source.path), { algorithms: ['sha256'] }),
    ),
  },
  'writeFile / readFile (no hash, no sync)': { kind: 'limit', create: writeFileSubject },
}
