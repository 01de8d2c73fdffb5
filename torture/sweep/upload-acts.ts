import { isMediaError, type MediaRef, type Upload } from '@mediakeep/core'
import type { Act } from './act.ts'
import type { Stage } from './stage.ts'

const KEY: MediaRef = { key: 'a' }
/** Shorter than what a case waits before it looks for what is left, longer than a lease. */
const TTL_MS = 50_000
const MAX_TURNS = 2_500
const TURNS_PER_TICK = 100
const TICK_MS = 600
const PIECE_BYTES = 1_800
const text = (bytes: number): Buffer =>
  Buffer.from('bytes that come in pieces '.repeat(bytes / 26 + 1)).subarray(0, bytes)
const small = text(4_000)

/** What the sender remembers, also when another process goes on. */
const senders = new WeakMap<Stage['tables'], string[]>()
const idsOf = ({ tables }: Stage): string[] => {
  const ids = senders.get(tables) ?? []
  senders.set(tables, ids)
  return ids
}

type Door = Upload['door']
async function begin(
  stage: Stage,
  door: Door,
  more: { partial?: boolean; sizeBytes?: number } = {},
): Promise<string> {
  const target = more.partial === true ? {} : { at: KEY }
  const { id } = await stage.store.uploads.create({
    door,
    ttlMs: TTL_MS,
    sizeBytes: small.length,
    ...target,
    ...more,
  })
  idsOf(stage).push(id)
  return id
}

/** The upload that the sender began, or a new one. */
async function current(stage: Stage, door: Door): Promise<Upload> {
  const id = idsOf(stage)[0] ?? (await begin(stage, door))
  const upload = await stage.store.uploads.get(id)
  if (upload === undefined) throw new Error('an upload that was told of is not there')
  return upload
}

/** Time goes on while a request waits for another that was never let go of: its lease is over before the wait is. */
const patiently =
  (act: (stage: Stage) => Promise<unknown>) =>
  async (stage: Stage): Promise<unknown> => {
    let isPending = true
    const work = act(stage).finally(() => {
      isPending = false
    })
    work.catch(() => {}) // told by what is returned
    for (let turn = 1; isPending && !stage.isStopped && turn <= MAX_TURNS; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (turn % TURNS_PER_TICK === 0) stage.clock.advance(TICK_MS)
    }
    return await work
  }

async function read({ store }: Stage): Promise<string> {
  try {
    await using reader = await store.open(KEY)
    return Buffer.from(await reader.bytes({ maxBytes: 100_000 })).toString()
  } catch (error) {
    if (isMediaError(error, 'MEDIA_ABSENT')) return 'absent'
    throw error
  }
}

/** Sends what is missing, in pieces or all of it, and completes with the last. */
async function resume(stage: Stage, pieceBytes: number): Promise<void> {
  const { id, state } = await current(stage, 'tus')
  if (state === 'active') return
  const { uploads } = stage.store
  for (;;) {
    const offsetBytes = (await uploads.get(id))?.offsetBytes ?? 0
    if (offsetBytes === small.length) break
    const piece = small.subarray(offsetBytes, offsetBytes + pieceBytes)
    const { media } = await uploads.append(id, piece, { offsetBytes, complete: pieceBytes >= small.length })
    if (media !== undefined) return
  }
  await uploads.complete(id)
}

async function sendChunk(stage: Stage): Promise<void> {
  const { id, state } = await current(stage, 'chunked')
  if (state === 'active') return
  const { uploads } = stage.store
  if ((await uploads.get(id))?.chunks?.length === 0) await uploads.putChunk(id, small, { index: 0 })
  await uploads.complete(id)
}

const firstPiece = async (stage: Stage): Promise<void> => {
  const id = await begin(stage, 'tus')
  await stage.store.uploads.append(id, small.subarray(0, PIECE_BYTES), { offsetBytes: 0 })
}

const stored = { look: read, undone: 'absent' }

export const uploadActs: readonly Act[] = [
  {
    name: 'upload at once',
    act: patiently((stage) => resume(stage, small.length)),
    ...stored,
    done: String(small),
  },
  {
    name: 'upload in pieces, the rest of it',
    prepare: firstPiece,
    act: patiently((stage) => resume(stage, PIECE_BYTES)),
    ...stored,
    done: String(small),
  },
  {
    name: 'upload to a signed address',
    prepare: (stage) => begin(stage, 'presigned'),
    act: patiently(async (stage) => {
      const { id, state } = await current(stage, 'presigned')
      if (state !== 'active') await stage.store.uploads.receive(id, small)
    }),
    ...stored,
    done: String(small),
  },
  {
    name: 'upload in chunks',
    prepare: (stage) => begin(stage, 'chunked'),
    act: patiently(sendChunk),
    ...stored,
    done: String(small),
  },
  {
    name: 'upload of parts, put together',
    async prepare(stage) {
      const { uploads } = stage.store
      for (const part of [small.subarray(0, 1_500), small.subarray(1_500)]) {
        const id = await begin(stage, 'tus', { partial: true, sizeBytes: part.length })
        await uploads.append(id, part, { offsetBytes: 0 })
      }
    },
    act: patiently(async (stage) => {
      const { uploads } = stage.store
      const [first = '', second = '', begun] = idsOf(stage)
      const whole = begun ?? (await begin(stage, 'tus'))
      if ((await uploads.get(whole))?.offsetBytes === 0) await uploads.concatenate(whole, [first, second])
      await uploads.complete(whole)
    }),
    ...stored,
    done: String(small),
  },
  {
    name: 'upload given up',
    prepare: firstPiece,
    act: patiently(async (stage) => stage.store.uploads.abort(idsOf(stage)[0] ?? '')),
    async look(stage) {
      return String((await stage.store.uploads.get(idsOf(stage)[0] ?? ''))?.state)
    },
    undone: 'receiving',
    done: 'aborted',
  },
  {
    name: 'expire uploads',
    async prepare(stage) {
      await firstPiece(stage)
      stage.clock.advance(TTL_MS + 2_000)
    },
    async act({ store }) {
      for await (const _ of store.upkeep.expire()) continue
    },
    async look({ tables }) {
      return `${tables.sessions.size} uploads`
    },
    undone: '1 uploads',
    done: '0 uploads',
  },
]
