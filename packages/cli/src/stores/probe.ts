import { randomBytes } from 'node:crypto'
import {
  type ByteRange,
  bytesSource,
  isMediaError,
  newId,
  type ObjectStore,
  type WriteCondition,
  withPrefix,
} from '@mediakeep/core'

/** One thing that a store should do, and whether it does. */
export interface ProbeResult {
  readonly check: string
  readonly claim: string
  readonly outcome: 'passed' | 'failed' | 'note'
  readonly detail?: string
}

/** Clocks that differ by more break signatures and lifetimes. */
const MAX_SKEW_MS = 60_000
/** Times of objects are whole seconds. */
const SKEW_NOISE_MS = 2_000
const BODY_BYTES = 200_000

interface Probe {
  readonly check: string
  readonly claim: string
  /** What is to be told besides; throws what is wrong. */
  run(store: ObjectStore, body: Buffer): Promise<string | undefined>
}

/**
 * Checks of a store that is in use: objects of its own under a prefix that nobody else has, which are gone afterwards. Nothing else is
 * read, written or removed. A check that cannot work without the one before still runs, and says so.
 */
export async function* probeStore(inner: ObjectStore, signal: AbortSignal): AsyncGenerator<ProbeResult> {
  const store = withPrefix(inner, `doctor-${newId(Date.now())}/`)
  const body = randomBytes(BODY_BYTES)
  try {
    for (const { check, claim, run } of PROBES) {
      signal.throwIfAborted()
      try {
        const detail = await run(store, body)
        yield {
          check,
          claim,
          outcome: detail === undefined ? 'passed' : 'note',
          ...(detail === undefined ? {} : { detail }),
        }
      } catch (error) {
        signal.throwIfAborted()
        yield {
          check,
          claim,
          outcome: 'failed',
          detail: error instanceof Error ? error.message : 'unknown failure',
        }
      }
    }
  } finally {
    await store.deleteMany([BODY, EMPTY, ...PAGE]).catch(() => {}) // told by the checks above
  }
}

const BODY = 'body'
const EMPTY = 'empty'
const PAGE = ['list/a', 'list/b', 'list/c']

const PROBES: readonly Probe[] = [
  {
    check: 'absent',
    claim: 'a key that was never written is absent, and not a failure',
    async run(store) {
      if ((await store.head(BODY)) !== undefined) throw new Error('HEAD found something')
      const reader = await store.get(BODY)
      if (reader === undefined) return undefined
      await reader[Symbol.asyncDispose]()
      throw new Error('GET found something')
    },
  },
  {
    check: 'put-get',
    claim: 'the bytes that were put come back',
    async run(store, body) {
      await store.put(BODY, bytesSource(body), { contentType: 'application/octet-stream' })
      if (!(await bytesOf(store, BODY)).equals(body)) throw new Error('other bytes came back')
      const head = await store.head(BODY)
      if (head?.sizeBytes !== body.length) throw new Error(`HEAD says ${head?.sizeBytes ?? 'no'} bytes`)
      return undefined
    },
  },
  {
    check: 'empty',
    claim: 'an object of 0 bytes can be kept',
    async run(store) {
      await store.put(EMPTY, bytesSource(Buffer.alloc(0)))
      if ((await store.head(EMPTY))?.sizeBytes !== 0) throw new Error('it is absent or has another size')
      return undefined
    },
  },
  {
    check: 'range',
    claim: 'a range gives these bytes and no others',
    async run(store, body) {
      const ranges: readonly ByteRange[] = [
        { start: 0, endExclusive: 1 },
        { start: 65_530, endExclusive: 131_080 },
        { start: body.length - 1, endExclusive: body.length },
      ]
      for (const range of ranges)
        if (!(await bytesOf(store, BODY, range)).equals(body.subarray(range.start, range.endExclusive)))
          throw new Error(`bytes ${range.start} to ${range.endExclusive} are others`)
      return undefined
    },
  },
  {
    check: 'list',
    claim: 'a list names each object below its prefix once',
    async run(store) {
      for (const key of PAGE) await store.put(key, bytesSource(Buffer.from(key)))
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await store.list({
          prefix: 'list/',
          limit: 2,
          ...(cursor === undefined ? {} : { cursor }),
        })
        found.push(...page.objects.map(({ key }) => key))
        cursor = page.cursor
      } while (cursor !== undefined)
      if (found.sort().join() !== PAGE.join()) throw new Error(`it names ${found.length} of ${PAGE.length}`)
      return undefined
    },
  },
  {
    check: 'conditional-put',
    claim: 'a write with a condition that does not hold changes nothing',
    async run(store, body) {
      const conditions: readonly WriteCondition[] = [
        { type: 'absent' },
        { type: 'match', etag: '0'.repeat(32) },
      ]
      const ignored: string[] = []
      for (const when of conditions)
        if (await isWritten(store, when, body))
          ignored.push(when.type === 'absent' ? 'If-None-Match' : 'If-Match')
      if (ignored.length === 0) return undefined
      const what = `${ignored.join(' and ')} ignored`
      if (store.traits.conditionalPut === 'enforced')
        throw new Error(`${what}; say conditionalPut=ignored in the URL`)
      return `${what}, as the store says`
    },
  },
  {
    check: 'clock',
    claim: 'the clocks of the store and of this host agree',
    async run(store, body) {
      const beforeMs = Date.now()
      await store.put(BODY, bytesSource(body))
      const afterMs = Date.now()
      const modifiedMs = (await store.head(BODY))?.modifiedAt.getTime()
      if (modifiedMs === undefined) throw new Error('the object is absent')
      const skewMs = modifiedMs < beforeMs ? modifiedMs - beforeMs : Math.max(0, modifiedMs - afterMs)
      if (Math.abs(skewMs) <= SKEW_NOISE_MS) return undefined
      const what = `the store is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs < 0 ? 'behind' : 'ahead'}`
      if (Math.abs(skewMs) > MAX_SKEW_MS) throw new Error(`${what}; set the time`)
      return what
    },
  },
  {
    check: 'presign',
    claim: 'a signed address gives the bytes to whoever has it',
    async run(store, body) {
      if (store.presign === undefined) return 'the store signs none'
      const { url, headers } = await store.presign(BODY, {
        method: 'GET',
        expiresAt: new Date(Date.now() + 60_000),
      })
      const response = await fetch(url, { headers: { ...headers }, signal: AbortSignal.timeout(30_000) })
      const bytes = Buffer.from(await response.arrayBuffer())
      if (!response.ok) throw new Error(`it answers ${response.status}`)
      if (!bytes.equals(body)) throw new Error('other bytes came')
      return undefined
    },
  },
  {
    check: 'delete',
    claim: 'what was deleted is absent, and deleting it again succeeds',
    async run(store) {
      await store.delete(BODY)
      await store.delete(BODY)
      if ((await store.head(BODY)) !== undefined) throw new Error('it is still there')
      const results = await store.deleteMany([EMPTY, ...PAGE])
      const failure = results.find(({ error }) => error !== undefined)?.error
      if (failure !== undefined) throw failure
      const left = (await store.list({})).objects.length
      if (left > 0) throw new Error(`${left} objects are left`)
      return undefined
    },
  },
]

async function bytesOf(store: ObjectStore, key: string, range?: ByteRange): Promise<Buffer> {
  const reader = await store.get(key, range === undefined ? {} : { range })
  if (reader === undefined) throw new Error('GET found nothing')
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) chunks.push(chunk)
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  return Buffer.concat(chunks)
}

/** Whether the store wrote in spite of the condition. */
async function isWritten(store: ObjectStore, when: WriteCondition, body: Buffer): Promise<boolean> {
  try {
    await store.put(BODY, bytesSource(body), { when })
    return true
  } catch (error) {
    if (isMediaError(error, 'MEDIA_PRECONDITION')) return false
    throw error
  }
}
