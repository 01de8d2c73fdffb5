import { type Catalog, isMediaError } from '@mediakeep/core'
import {
  type Actor,
  digestNumber,
  FIRST_KEY,
  GRACE_MS,
  NAMESPACE,
  SESSION_TTL_MS,
  type State,
  VOLUME,
} from './state.ts'

const MAX_ATTEMPTS = 3
const LIMIT = 100

type Putter = Extract<Actor, { kind: 'putter' }>
type Collector = Extract<Actor, { kind: 'collector' }>

/** How keys of placements are made: anew for each, or (wrongly) from the digest alone. */
export type KeyOf = (placementId: string, digest: number) => string

/** One step of an actor: one transaction, or one call to the volume, in the order in which the product makes them. */
export async function stepOf(state: State, actor: Actor, catalog: Catalog, keyOf: KeyOf): Promise<void> {
  if (actor.kind === 'putter') await put(state, actor, catalog, keyOf)
  else if (actor.kind === 'collector') await collect(state, actor, catalog)
  else {
    await catalog.delete(NAMESPACE, { key: FIRST_KEY })
    actor.step = 'done'
  }
}

async function put(state: State, actor: Putter, catalog: Catalog, keyOf: KeyOf): Promise<void> {
  const { own, session } = actor
  switch (actor.step) {
    case 'stage':
      return stage(actor, catalog, keyOf)
    case 'look':
      // Dedupe never trusts a row alone: the copy must be there.
      if (actor.found !== undefined && !state.disk.has(actor.found.key)) {
        actor.distrust = [...actor.distrust, actor.found.id]
        actor.step = 'stage'
      } else actor.step = 'commit'
      return
    case 'publish':
      if (own !== undefined) {
        state.disk.add(own.key)
        state.used.add(own.key)
      }
      actor.step = 'commit'
      return
    case 'commit':
      return commit(actor, catalog)
    case 'end':
      if (session !== undefined) await catalog.endSession(session)
      actor.step = own === undefined ? 'done' : 'delete'
      return
    case 'delete':
      if (own !== undefined) state.disk.delete(own.key)
      actor.step = 'drop'
      return
    case 'drop':
      if (own !== undefined) await catalog.dropPlacements([own.id])
      actor.step = 'done'
      return
    case 'done':
    case 'dead':
  }
}

async function stage(actor: Putter, catalog: Catalog, keyOf: KeyOf): Promise<void> {
  actor.attempt += 1
  const id = `${actor.name}.${actor.attempt}`
  const key = keyOf(id, actor.digest)
  try {
    const staged = await catalog.stagePlacement({
      session: actor.session ?? { id: actor.name, namespace: NAMESPACE, owner: 'o', ttlMs: SESSION_TTL_MS },
      domain: '',
      digest: digestNumber(actor.digest),
      sizeBytes: 1,
      chunkSums: new Uint8Array(4),
      volumeId: VOLUME,
      placementId: id,
      key,
      distrust: actor.distrust,
    })
    if (staged.type !== 'staged') throw new Error('no idempotency key was given')
    actor.session = { id: staged.session.id, fence: staged.session.fence }
    actor.blobId = staged.blobId
    actor.found = staged.existing[0]
    actor.own = actor.found === undefined ? { id, key } : undefined
    actor.step = actor.found === undefined ? 'publish' : 'look'
  } catch (error) {
    if (!isMediaError(error)) throw error
    actor.own = undefined
    actor.step = 'end'
  }
}

async function commit(actor: Putter, catalog: Catalog): Promise<void> {
  const { own, session, blobId } = actor
  if (session === undefined || blobId === undefined) throw new Error('nothing was staged')
  try {
    const { redundant } = await catalog.commitContent({
      session,
      blobId,
      ...(own === undefined ? {} : { placement: { id: own.id, storedBytes: 1 } }),
      media: { at: { key: actor.name }, newId: actor.name, namespace: NAMESPACE, owner: 'o' },
      content: { contentType: 'text/plain', filename: 'f', facts: {}, state: 'active' },
    })
    actor.acknowledged = true
    actor.step = redundant ? 'delete' : 'done'
  } catch (error) {
    if (!isMediaError(error)) throw error
    const isCopyGone = error.code === 'MEDIA_CONFLICT' && error.reason === 'placement-gone'
    actor.step = isCopyGone && actor.attempt < MAX_ATTEMPTS ? 'stage' : 'end'
  }
}

async function collect(state: State, actor: Collector, catalog: Catalog): Promise<void> {
  switch (actor.step) {
    case 'condemn':
      await catalog.condemn({ limit: LIMIT })
      actor.step = 'claim'
      return
    case 'claim':
      actor.claimed = await catalog.claimGarbage({ graceMs: GRACE_MS, limit: LIMIT })
      actor.step = actor.claimed.length === 0 ? 'done' : 'delete'
      return
    case 'delete': {
      const placement = actor.claimed[actor.deleted]
      if (placement !== undefined) state.disk.delete(placement.key)
      actor.deleted += 1
      if (actor.deleted >= actor.claimed.length) actor.step = 'drop'
      return
    }
    case 'drop':
      await catalog.dropPlacements(actor.claimed.map(({ id }) => id))
      actor.step = 'done'
      return
    case 'done':
    case 'dead':
  }
}
