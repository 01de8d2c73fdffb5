import type { HintOutcome, ReconcileProgress } from '../contracts/tiering.ts'
import {
  LOOK_LANES,
  MAX_MISSING_REMEMBERED,
  RECONCILE_BRAKE_OBJECTS,
  RECONCILE_BRAKE_RATIO,
} from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { callCheck } from '../upkeep/call-check.ts'
import { inLanes } from '../upkeep/lanes.ts'
import { compare } from './compare.ts'
import type { ExternalContext } from './context.ts'
import { noImports, registerAll, tellJournals } from './import.ts'
import type { Look } from './look.ts'
import type { Mapping } from './mapping.ts'

const STEP = 500
const NONE: ReadonlySet<HintOutcome> = new Set()
const CHANGES: ReadonlySet<HintOutcome> = new Set(['registered', 'replaced', 'forgotten'])
const ALL: ReadonlySet<HintOutcome> = new Set([...CHANGES, 'unchanged', 'taken', 'refused'])

/**
 * Brings what is known in step with a listing. New objects are registered from the listing alone. Changed and missing ones are
 * looked at each by itself: a listing is old when it is read, and nothing is forgotten because of what was not in one.
 */
export async function* reconcile(
  context: ExternalContext,
  mapping: Mapping,
  look: Look,
  { signal, force = false }: { readonly signal?: AbortSignal; readonly force?: boolean },
): AsyncGenerator<ReconcileProgress> {
  const { volume } = mapping
  const check = callCheck(context, signal)
  const total = { ...noImports(), missing: 0, forgotten: 0 }
  const remembered: string[] = []
  const lookAll = (keys: readonly string[], counted: ReadonlySet<HintOutcome>): Promise<void> =>
    inLanes(keys, LOOK_LANES, async (key) => {
      check()
      const outcome = await look(mapping, key, signal)
      if (counted.has(outcome)) total[outcome] += 1
    })

  check()
  await prove(volume)
  let known = 0
  for await (const found of compare(context, mapping, check, signal)) {
    total.listed += found.listed
    total.bytes += found.bytes
    total.unchanged += found.unchanged
    total.missing += found.missing.length
    known += found.unchanged + found.changed.length + found.missing.length
    remembered.push(...found.missing.slice(0, MAX_MISSING_REMEMBERED - remembered.length))
    const { refusedKeys, replacedKeys } = await registerAll(context, mapping, found.fresh, total, check)
    // Known meanwhile, as something else: which of both is newer, only the object can say.
    await lookAll(replacedKeys, NONE)
    await lookAll(found.changed, ALL)
    yield { ...total, refusedKeys }
  }
  // A volume that went away under the listing looks like one with fewer objects.
  await prove(volume)
  if (!force) brake(total.missing, known)
  for (let at = 0; at < remembered.length; at += STEP) {
    check()
    await lookAll(remembered.slice(at, at + STEP), CHANGES)
    yield { ...total, refusedKeys: [] }
  }
  if (total.registered + total.replaced + total.forgotten > 0) tellJournals(context)
}

async function prove(volume: Mapping['volume']): Promise<void> {
  volume.doubt()
  await volume.checkOnline()
}

/** @throws MediaError MEDIA_CONFLICT `reconcile-brake` */
function brake(missing: number, known: number): void {
  if (missing < RECONCILE_BRAKE_OBJECTS || missing <= known * RECONCILE_BRAKE_RATIO) return
  throw new MediaError(
    'MEDIA_CONFLICT',
    `${missing} of ${known} known objects are not listed, more than ${RECONCILE_BRAKE_RATIO * 100} %; is this the right bucket? Force it if their media shall go`,
    { reason: 'reconcile-brake', retryable: false },
  )
}
