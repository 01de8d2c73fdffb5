// One host of several: a store of its own over a catalog and a bucket that others share. Does what its parent asks for.
import { createHash, randomBytes } from 'node:crypto'
import { fsStore } from '@mediakeep/adapters/fs'
import { s3Store } from '@mediakeep/adapters/s3'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore } from '@mediakeep/core'

const { hostId, catalogFile, root, capacityBytes, bucket } = JSON.parse(process.argv[2] ?? '{}')

const disk = fsStore({ root, stagingHeadRoomBytes: 0 })
const s3 = s3Store({ ...bucket, paid: true })
const store = await createMediaStore({
  hostId,
  catalog: sqliteCatalog({ file: catalogFile }),
  tiers: [
    { name: 'disk', store: disk, capacityBytes },
    { name: 's3', store: s3 },
  ],
  tiering: { burst: { holdMs: 100 } },
  upkeep: { intervalMs: 0, garbageGraceMs: 0 },
  sessionTtlMs: 2_000,
})

const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex')
const toEnd = async (progress) => {
  for await (const _ of progress) continue
}

/** Of those that puts make. */
const countObjects = async (objects) => {
  let count = 0
  let cursor
  do {
    const page = await objects.list(cursor === undefined ? {} : { cursor })
    count += page.objects.filter(({ key }) => /^[0-9a-f]{2}\//.test(key)).length
    cursor = page.cursor
  } while (cursor !== undefined)
  return count
}

const acts = {
  async put({ sizeBytes, text }) {
    const bytes = text === undefined ? randomBytes(sizeBytes) : Buffer.from(text)
    bytes.fill(0xee, 0, Math.min(4, bytes.length))
    const { id } = await store.put(bytes)
    return { id, digest: digestOf(bytes) }
  },
  async read({ id }) {
    try {
      const reader = await store.open(id)
      const { tier } = reader
      return { tier, digest: digestOf(await reader.bytes({ maxBytes: 1e9 })) }
    } catch (error) {
      return { code: error.code, reason: error.reason }
    }
  },
  remove: ({ id }) => store.delete(id),
  availability: ({ id }) => store.availability(id),
  async clean() {
    await toEnd(store.upkeep.expire())
    await toEnd(store.tiers.apply())
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, thorough: true, force: true }))
    await toEnd(store.upkeep.verify({ repair: true }))
  },
  apply: () => toEnd(store.tiers.apply()),
  status: () => store.tiers.status(),
  async objects() {
    return { disk: await countObjects(disk), s3: await countObjects(s3) }
  },
  close: () => store.close(),
}

const answer = async ({ number, act, input }) => {
  try {
    process.send({ number, answer: (await acts[act](input ?? {})) ?? null })
  } catch (error) {
    process.send({ number, failed: `${error.code ?? ''} ${error.reason ?? ''} ${error.message}` })
  }
  if (act === 'close') process.disconnect()
}
process.on('message', (message) => void answer(message))
process.send({ ready: true })
