import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  createMediaStore,
  decorateStore,
  forwarded,
  OBJECT_STORE_MEMBERS,
  rewritten,
  withheld,
} from '@mediakeep/core'
import { answerParent, repeat } from '../harness/worker.mjs'

const [act, subject, folder, size] = process.argv.slice(2)
const sizeBytes = Number(size)
await mkdir(folder, { recursive: true })

/** A disk seen as an object store is: streams only, paid, shared. */
function far(root) {
  const inner = fsStore({ root })
  const hidden = new Set(['openFile', 'readNow', 'adopt', 'localPath', 'staging', 'journal'])
  const rows = OBJECT_STORE_MEMBERS.map((name) => [
    name,
    hidden.has(name) ? withheld('as an object store') : forwarded,
  ])
  const table = Object.fromEntries(rows.filter(([name]) => typeof name === 'string'))
  return decorateStore(inner, {
    ...table,
    [Symbol.asyncDispose]: forwarded,
    traits: rewritten({ ...inner.traits, paid: true, shared: true }),
  })
}

const nearTier = (capacityBytes) => ({
  name: 'near',
  store: fsStore({ root: join(folder, 'near') }),
  ...(capacityBytes === undefined ? {} : { capacityBytes }),
})
const farTier = () => ({ name: 'far', store: far(join(folder, 'far')) })
const openStore = (tiers, tiering = {}) =>
  createMediaStore({
    catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
    tiers,
    tiering,
    upkeep: { intervalMs: 0 },
    reads: { verifiedForMs: 0, cacheBytes: 0 },
  })
const body = () => {
  const bytes = randomBytes(sizeBytes)
  bytes.fill(0xee, 0, 4)
  return bytes
}
async function drain(store, id, options) {
  const reader = await store.open(id, options)
  let read = 0
  for await (const chunk of reader.stream()) read += chunk.length
  if (read !== sizeBytes) throw new Error(`${read} bytes came`)
}
async function durableCopy(from, to) {
  await copyFile(from, `${to}.part`)
  const file = await open(`${to}.part`, 'r+')
  await file.sync()
  await file.close()
  await rename(`${to}.part`, to)
  const directory = await open(folder, 'r')
  await directory.sync()
  await directory.close()
}
const ALL_FAR = { rules: [{ name: 'far', match: {}, tiers: ['far'] }] }

const makers = {
  async 'one tier'() {
    const store = await openStore([nearTier()])
    const { id } = await store.put(body())
    return { act: () => drain(store, id) }
  },
  async 'two tiers'() {
    const store = await openStore([nearTier(64 * 2 ** 30), farTier()])
    const { id } = await store.put(body())
    return { act: () => drain(store, id) }
  },
  async 'plain read and digest'() {
    const path = join(folder, 'body')
    await writeFile(path, body())
    return {
      async act() {
        const hash = createHash('sha256')
        for await (const chunk of createReadStream(path, { highWaterMark: 262_144 })) hash.update(chunk)
        hash.digest()
      },
    }
  },
  async load() {
    const store = await openStore([nearTier(), farTier()], ALL_FAR)
    const ids = []
    return {
      async prepare(count) {
        for (let n = 0; n < count; n++) ids.push((await store.put(body())).id)
      },
      act: () => drain(store, ids.pop(), { cold: 'wait' }),
    }
  },
  async 'plain durable copy'() {
    const path = join(folder, 'body')
    await writeFile(path, body())
    let next = 0
    return { act: () => durableCopy(path, join(folder, `copy-${next++}`)) }
  },
  async 'put past a full disk'() {
    const store = await openStore([nearTier(4_096), farTier()])
    return putting(store)
  },
  async 'put to a disk'() {
    return putting(await openStore([nearTier()]))
  },
}

function putting(store) {
  const bodies = []
  return {
    async prepare(count) {
      for (let n = 0; n < count; n++) bodies.push(body())
    },
    act: () => store.put(bodies.pop()),
  }
}

const made = await makers[subject]()
answerParent(async ({ ms, maxCount }) => {
  await made.prepare?.(maxCount)
  return repeat(made.act, { ms: act === 'hit' ? ms : 60_000, maxCount })
})
