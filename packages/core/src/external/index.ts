import type { MediaRecord, PlacementRecord } from '../contracts/catalog.ts'
import type {
  ExternalCall,
  HintOutcome,
  ImportProgress,
  ObjectHint,
  ReconcileProgress,
} from '../contracts/tiering.ts'
import { DEFAULT_NAMESPACE } from '../defaults.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { Volume } from '../tiering/volume.ts'
import type { ExternalContext } from './context.ts'
import { followHints } from './follow.ts'
import { importObjects } from './import.ts'
import { createLook } from './look.ts'
import { mappingOf } from './mapping.ts'
import { reconcile } from './reconcile.ts'

export { learning } from './learn.ts'

/** Stores that are not ours, as the store's namespaces and its reads see them. */
export interface External {
  importObjects(namespace: string, call: ExternalCall): AsyncIterable<ImportProgress>
  reconcile(
    namespace: string,
    call: ExternalCall & { readonly force?: boolean },
  ): AsyncIterable<ReconcileProgress>
  hint(namespace: string, call: ExternalCall & { readonly key: string }): Promise<HintOutcome>
  followHints(namespace: string, hints: AsyncIterable<ObjectHint>, call: ExternalCall): Promise<void>
  /** A read found an object changed or gone: it is looked at in the background. */
  noticed(volume: Volume, placement: PlacementRecord, record: MediaRecord): void
  /** One of a name at a time, while the store is open; failures are told. */
  inBackground(name: string, work: () => Promise<void>): void
  /** Waits for what is under way. */
  close(): Promise<void>
}

export function createExternal(context: ExternalContext): External {
  const look = createLook(context)
  const working = new Map<string, Promise<void>>()
  const map = (namespace: string, call: ExternalCall) => mappingOf(context.volumes, namespace, call)

  const inBackground = (name: string, work: () => Promise<void>): void => {
    if (working.has(name)) return
    const run = work()
      .catch((error: unknown) => tellUpkeepFailed(context, 'external', toFailure(error)))
      .finally(() => working.delete(name))
    working.set(name, run)
  }

  return {
    inBackground,
    async *importObjects(namespace, call) {
      yield* importObjects(context, map(namespace, call), call.signal)
    },
    async *reconcile(namespace, call) {
      yield* reconcile(context, map(namespace, call), look, call)
    },
    hint: async (namespace, call) => look(map(namespace, call), call.key, call.signal),
    async followHints(namespace, hints, call) {
      const mapping = map(namespace, call)
      await followHints(context, hints, {
        signal: call.signal,
        look: (key, signal) => look(mapping, key, signal),
        async reconcile(signal) {
          for await (const _ of reconcile(context, mapping, look, { signal })) continue
        },
      })
    },
    noticed({ tier, imports, id: volumeId }, { key }, { namespace, key: mediaKey, content }) {
      // Whose record it is, is known: of the only object whose bytes they are, or by the tier's own mapping.
      const isOnly = content.placements.filter(({ owned }) => !owned).length === 1
      if (imports === undefined && !isOnly) return
      const keyOf = isOnly && mediaKey !== undefined ? { keyOf: () => mediaKey } : {}
      const call = { tier, ...(imports === undefined ? keyOf : {}) }
      inBackground(`${volumeId} ${key}`, async () => {
        await look(map(imports?.namespace ?? namespace, call), key, undefined)
      })
    },
    async close() {
      await Promise.all(working.values())
    },
  }
}

/** What the background does for an external tier that says how its objects become media. */
export async function reconcileByItself(
  { volumes }: Pick<ExternalContext, 'volumes'>,
  external: External,
  signal: AbortSignal,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined
  for (const { tier, role, imports } of volumes.all) {
    if (role !== 'external' || imports === undefined) continue
    try {
      const call = { tier, signal }
      for await (const _ of external.reconcile(imports.namespace ?? DEFAULT_NAMESPACE, call)) continue
    } catch (error) {
      failure ??= { error } // the other tiers have their turn
    }
    signal.throwIfAborted()
  }
  if (failure !== undefined) throw failure.error
}
