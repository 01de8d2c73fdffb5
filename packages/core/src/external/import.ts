import type { ExternalObject } from '../contracts/catalog.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import type { ImportProgress } from '../contracts/tiering.ts'
import { BATCH } from '../upkeep/batch.ts'
import { callCheck } from '../upkeep/call-check.ts'
import type { ExternalContext } from './context.ts'
import { listObjects } from './list.ts'
import { type Mapping, mediaOf } from './mapping.ts'
import { register } from './register.ts'

/** Totals under way. */
export type ImportTotals = {
  -readonly [Key in keyof Omit<ImportProgress, 'refusedKeys'>]: ImportProgress[Key]
}

export const noImports = (): ImportTotals => ({
  listed: 0,
  bytes: 0,
  registered: 0,
  replaced: 0,
  unchanged: 0,
  taken: 0,
  refused: 0,
})

/** Registers what the store lists, page by page. Ended early, what was registered stays; begun again, it stays as it is. */
export async function* importObjects(
  context: ExternalContext,
  mapping: Mapping,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImportProgress> {
  const check = callCheck(context, signal)
  const total = noImports()
  check()
  await mapping.volume.checkOnline()
  for await (const { objects } of listObjects(mapping, 'import', check, signal)) {
    total.listed += objects.length
    for (const { sizeBytes } of objects) total.bytes += sizeBytes
    const { refusedKeys } = await registerAll(context, mapping, objects, total, check)
    yield { ...total, refusedKeys }
  }
  if (total.registered + total.replaced > 0) tellJournals(context)
}

interface Registered {
  /** Those that are no media. */
  readonly refusedKeys: readonly string[]
  /** Those that were known as another object. */
  readonly replacedKeys: readonly string[]
}

export async function registerAll(
  context: ExternalContext,
  mapping: Mapping,
  objects: readonly ObjectHead[],
  total: ImportTotals,
  check: () => void,
): Promise<Registered> {
  const refusedKeys: string[] = []
  const replacedKeys: string[] = []
  const wanted: ExternalObject[] = []
  for (const head of objects) {
    const object = mediaOf(mapping, head, context.clock.now())
    if (object === undefined) refusedKeys.push(head.key)
    else wanted.push(object)
  }
  total.refused += refusedKeys.length
  for (let at = 0; at < wanted.length; at += BATCH) {
    check()
    const batch = wanted.slice(at, at + BATCH)
    for (const [index, outcome] of (await register(context, mapping, batch)).entries()) {
      total[outcome] += 1
      const object = batch[index]
      if (outcome === 'replaced' && object !== undefined) replacedKeys.push(object.key)
    }
  }
  return { refusedKeys, replacedKeys }
}

/** Records that were made without a line of a journal: the next snapshot of each has them. */
export function tellJournals({ volumes, journal }: ExternalContext): void {
  for (const { id, role, store } of volumes.all)
    if (role === 'home' && store.journal !== undefined) journal.doubt(id)
}
