import {
  createMemoryTables,
  type Digest,
  type MemoryTables,
  memoryCatalog,
  type PlacementRecord,
} from '@mediakeep/core'

/** How many there are of each who works on the same blobs, and of what may befall them. */
export interface Scenario {
  readonly name: string
  /** The digest that each puts, by number. */
  readonly putters: readonly number[]
  readonly deleters: number
  readonly collectors: number
  /** Times that the grace passes. */
  readonly ticks: number
  /** Actors that die. */
  readonly crashes: number
}

/** One process between two steps. All of it is data, so that a state can be copied and compared. */
export type Actor =
  | {
      readonly kind: 'putter'
      readonly name: string
      readonly digest: number
      step: 'stage' | 'look' | 'publish' | 'commit' | 'end' | 'delete' | 'drop' | 'done' | 'dead'
      attempt: number
      session: { readonly id: string; readonly fence: number } | undefined
      blobId: string | undefined
      /** Its own placement, where bytes are to be written. */
      own: { readonly id: string; readonly key: string } | undefined
      /** The copy that it found and looks at. */
      found: PlacementRecord | undefined
      distrust: readonly string[]
      acknowledged: boolean
    }
  | { readonly kind: 'deleter'; readonly name: string; step: 'delete' | 'done' | 'dead' }
  | {
      readonly kind: 'collector'
      readonly name: string
      step: 'condemn' | 'claim' | 'delete' | 'drop' | 'done' | 'dead'
      claimed: readonly PlacementRecord[]
      /** How many of the claimed are deleted. */
      deleted: number
    }

export interface State {
  readonly tables: MemoryTables
  /** Keys of the objects on the volume. */
  readonly disk: Set<string>
  /** Keys that ever had bytes. */
  readonly used: Set<string>
  readonly actors: Actor[]
  nowMs: number
  ticksLeft: number
  crashesLeft: number
  /** What a broken catalog remembers. */
  readonly memory: Map<string, number>
  broken: string | undefined
}

export const GRACE_MS = 10
export const SESSION_TTL_MS = 10
export const VOLUME = 'v'
export const NAMESPACE = 'n'
/** The media that is there from the beginning, and that deleters delete. */
export const FIRST_KEY = 'first'

export function digestNumber(number: number): Digest {
  return `sha256:${String(number).padStart(2, '0').repeat(32)}`
}

/** A catalog with one media of digest 0, its bytes on the volume, and everybody about to begin. */
export async function firstState({
  putters,
  deleters,
  collectors,
  ticks,
  crashes,
}: Scenario): Promise<State> {
  const tables = createMemoryTables()
  const catalog = memoryCatalog({ tables, clock: { now: () => 0, after: () => () => {} } })
  await catalog.registerVolume({ id: VOLUME, tier: 'disk', layout: 1 })
  const staged = await catalog.stagePlacement({
    session: { id: 'first', namespace: NAMESPACE, owner: 'o', ttlMs: SESSION_TTL_MS },
    domain: '',
    digest: digestNumber(0),
    sizeBytes: 1,
    chunkSums: new Uint8Array(4),
    volumeId: VOLUME,
    placementId: 'first',
    key: 'first',
  })
  if (staged.type !== 'staged') throw new Error('the first media cannot be staged')
  await catalog.commitContent({
    session: staged.session,
    blobId: staged.blobId,
    placement: { id: 'first', storedBytes: 1 },
    media: { at: { key: FIRST_KEY }, newId: 'first', namespace: NAMESPACE, owner: 'o' },
    content: { contentType: 'text/plain', filename: 'f', facts: {}, state: 'active' },
  })
  return {
    tables,
    disk: new Set(['first']),
    used: new Set(['first']),
    actors: [
      ...putters.map(
        (digest, index): Actor => ({
          kind: 'putter',
          name: `putter ${index}`,
          digest,
          step: 'stage',
          attempt: 0,
          session: undefined,
          blobId: undefined,
          own: undefined,
          found: undefined,
          distrust: [],
          acknowledged: false,
        }),
      ),
      ...Array.from(
        { length: deleters },
        (_, index): Actor => ({ kind: 'deleter', name: `deleter ${index}`, step: 'delete' }),
      ),
      ...Array.from(
        { length: collectors },
        (_, index): Actor => ({
          kind: 'collector',
          name: `collector ${index}`,
          step: 'condemn',
          claimed: [],
          deleted: 0,
        }),
      ),
    ],
    nowMs: 0,
    ticksLeft: ticks,
    crashesLeft: crashes,
    memory: new Map(),
    broken: undefined,
  }
}

/** Two states with the same text go on alike: ids drawn by chance and absolute times are left out. */
export function textOf(state: State): string {
  const { tables, nowMs } = state
  const isOld = (sinceMs: number): boolean => nowMs - sinceMs >= GRACE_MS
  const names = new Map([...tables.blobs.values()].map(({ id, digest }) => [id, digest?.slice(7, 9) ?? id]))
  const blobs = [...tables.blobs.values()].map((blob) =>
    JSON.stringify([
      names.get(blob.id),
      blob.condemnedAtMs === undefined ? 0 : isOld(blob.condemnedAtMs) ? 2 : 1,
      [...blob.contents].length,
      [...blob.pins].map(({ id }) => id).sort(),
      [...blob.placements]
        .map(
          (one) =>
            `${one.id} ${one.key} ${one.state} ${one.state === 'leaving' && isOld(one.leavingSinceMs)}`,
        )
        .sort(),
      tables.unreferenced.has(blob),
    ]),
  )
  const media = [...tables.media.values()].map(
    ({ key, contents }) => `${key} ${contents.map(({ blob }) => names.get(blob.id)).join()}`,
  )
  const sessions = [...tables.sessions.values()].map(
    ({ id, expiresAtMs, staged }) =>
      `${id} ${expiresAtMs <= nowMs} ${[...staged].map((one) => one.id).join()}`,
  )
  const actors = state.actors.map((actor) =>
    actor.kind === 'deleter'
      ? actor.step
      : actor.kind === 'collector'
        ? [actor.step, actor.claimed.map(({ id }) => id), actor.deleted]
        : [
            actor.step,
            actor.attempt,
            actor.session?.id,
            names.get(actor.blobId ?? '') ?? (actor.blobId === undefined ? 0 : 'gone'),
            actor.own,
            actor.found?.id,
            actor.distrust,
          ],
  )
  const memory = [...state.memory].map(([id, sinceMs]) => `${names.get(id) ?? 'gone'} ${isOld(sinceMs)}`)
  return JSON.stringify([
    blobs.sort(),
    media.sort(),
    sessions.sort(),
    actors,
    [...state.disk].sort(),
    [...tables.placements.keys()].sort(),
    state.ticksLeft,
    state.crashesLeft,
    memory,
  ])
}
