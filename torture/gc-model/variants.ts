import type { Catalog } from '@mediakeep/core'
import type { KeyOf } from './actors.ts'
import type { State } from './state.ts'

/** The protocol as it is, or with one thing left out. */
export interface Variant {
  readonly name: string
  readonly keyOf: KeyOf
  catalog(catalog: Catalog, state: State): Catalog
}

const ownKey: KeyOf = (placementId) => `k.${placementId}`

export const asItIs: Variant = { name: 'as it is', keyOf: ownKey, catalog: (catalog) => catalog }

/** Each must be convicted, or the model sees nothing. */
export const broken: readonly Variant[] = [
  { name: 'no pin', keyOf: ownKey, catalog: withoutPins },
  { name: 'no second look when garbage is claimed', keyOf: ownKey, catalog: withoutRecheck },
  { name: 'no fence at commit', keyOf: ownKey, catalog: withoutFence },
  {
    name: 'a key for each digest, used again',
    keyOf: (_, digest) => `k.${digest}`,
    catalog: (catalog) => catalog,
  },
]

/** The blob is found or made, and nobody knows that a session needs it. A commit takes what it believes to be there. */
function withoutPins(catalog: Catalog, { tables }: State): Catalog {
  return {
    ...catalog,
    async stagePlacement(input) {
      const staged = await catalog.stagePlacement(input)
      if (staged.type === 'staged') {
        const blob = tables.blobs.get(staged.blobId)
        const session = tables.sessions.get(staged.session.id)
        if (blob !== undefined && session !== undefined && blob.contents.size === 0) {
          blob.pins.delete(session)
          tables.unreferenced.add(blob)
        }
      }
      return staged
    },
    async commitContent(input) {
      const blob = tables.blobs.get(input.blobId)
      const session = tables.sessions.get(input.session.id)
      if (blob !== undefined && session !== undefined) {
        blob.pins.add(session)
        session.pins.add(blob)
        const found = [...blob.placements].find(({ state }) => state === 'leaving')
        if (input.placement === undefined && found !== undefined) {
          found.state = 'live'
          tables.leaving.delete(found)
        }
      }
      return catalog.commitContent(input)
    },
  }
}

/** What was condemned once is claimed when its time is over, whoever uses it by then. */
function withoutRecheck(catalog: Catalog, { tables, memory, nowMs }: State): Catalog {
  return {
    ...catalog,
    async condemn(options) {
      for (const { id } of tables.unreferenced) if (!memory.has(id)) memory.set(id, nowMs)
      return catalog.condemn(options)
    },
    async claimGarbage(options) {
      for (const [id, sinceMs] of memory) {
        const blob = tables.blobs.get(id)
        if (blob === undefined || nowMs - sinceMs < options.graceMs) continue
        for (const placement of blob.placements) {
          if (placement.state !== 'leaving') placement.leavingSinceMs = sinceMs
          placement.state = 'leaving'
          tables.leaving.add(placement)
        }
        memory.delete(id)
      }
      return catalog.claimGarbage(options)
    },
  }
}

/** A session that was ended commits all the same: its placement is live again. */
function withoutFence(catalog: Catalog, { tables }: State): Catalog {
  return {
    ...catalog,
    async commitContent(input) {
      const { id } = input.session
      if (tables.sessions.has(id)) return catalog.commitContent(input)
      const { media } = input
      const begun = await catalog.beginSession({
        id,
        namespace: media.namespace,
        owner: media.owner,
        ttlMs: 1,
      })
      const session = tables.sessions.get(id)
      const blob = tables.blobs.get(input.blobId)
      const placement = tables.placements.get(input.placement?.id ?? '')
      if (begun.type !== 'begun' || session === undefined)
        throw new Error('the session cannot be begun again')
      if (blob !== undefined) {
        blob.pins.add(session)
        session.pins.add(blob)
      }
      if (placement !== undefined) {
        placement.state = 'staged'
        tables.leaving.delete(placement)
        session.staged.add(placement)
      }
      return catalog.commitContent({ ...input, session: begun.session })
    },
  }
}
