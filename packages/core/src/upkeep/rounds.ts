import type { Upkeep } from '../contracts/media-store.ts'
import { RECONCILE_FIRST_MS, THOROUGH_INTERVAL_MS } from '../defaults.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { UpkeepContext } from './context.ts'

export interface RoundOptions {
  /** Pause between rounds; 0: there are none. */
  readonly intervalMs: number
  /** 0: copies are not read in the background. */
  readonly verifyEveryMs: number
  readonly verifyBytesPerSecond: number
  /** 0: stores that are not ours are not listed in the background. */
  readonly reconcileEveryMs: number
  reconcile(signal: AbortSignal): Promise<void>
}

/** Copies that one round verifies at most; a round of small ones must end too. */
const MAX_VERIFIED_A_ROUND = 20_000

/** Rounds of upkeep in the background. What fails is told as an event and tried again next time. */
export function startRounds(
  context: UpkeepContext,
  upkeep: Upkeep,
  options: RoundOptions,
): () => Promise<void> {
  const { intervalMs } = options
  if (intervalMs === 0) return async () => {}
  const { clock } = context
  const stopping = new AbortController()
  const { signal } = stopping
  const verifyNext = createVerifyRound(context, upkeep, options, signal)
  let cancel = (): void => {}
  let round: Promise<void> = Promise.resolve()
  let thoroughAtMs = clock.now() + THOROUGH_INTERVAL_MS
  let rescanAtMs = thoroughAtMs
  let reconcileAtMs = clock.now() + Math.min(options.reconcileEveryMs, RECONCILE_FIRST_MS)

  const collectNext = async (): Promise<void> => {
    const thorough = clock.now() >= thoroughAtMs
    if (thorough) thoroughAtMs = clock.now() + THOROUGH_INTERVAL_MS
    await toEnd(upkeep.collectGarbage({ thorough, signal }))
  }
  const reconcileNext = async (): Promise<void> => {
    if (options.reconcileEveryMs === 0 || clock.now() < reconcileAtMs) return
    reconcileAtMs = clock.now() + options.reconcileEveryMs
    await options.reconcile(signal)
  }
  /** What waits for its first look each time; a new database is a reason to look at all, once a day. */
  const scanNext = async (): Promise<void> => {
    if (!context.scanning.isOn) return
    const all = clock.now() >= rescanAtMs
    if (all) rescanAtMs = clock.now() + THOROUGH_INTERVAL_MS
    await toEnd(upkeep.scan({ which: all ? 'stale' : 'pending', signal }))
  }
  const run = async (): Promise<void> => {
    for (const [task, work] of [
      ['expire', () => toEnd(upkeep.expire({ signal }))],
      ['collect-garbage', collectNext],
      ['scan', scanNext],
      ['repair', () => toEnd(upkeep.repair({ signal }))],
      ['verify', verifyNext],
      ['reconcile', reconcileNext],
      // Last: the journals must learn of the copies that were made, also when no other round follows.
      ['compact-journals', () => toEnd(upkeep.compactJournals({ signal }))],
    ] as const) {
      try {
        if (!signal.aborted) await work()
      } catch (error) {
        if (signal.aborted) return
        tellUpkeepFailed(context, task, toFailure(error))
      }
    }
  }
  const schedule = (): void => {
    cancel = clock.after(intervalMs, () => {
      round = run().finally(() => {
        if (!signal.aborted) schedule()
      })
    })
  }
  schedule()
  return async () => {
    stopping.abort(new Error('the store is closing'))
    cancel()
    await round
  }
}

/**
 * A part of the copies each round, so that what else a round does never waits for long: as many bytes as half the pause between
 * rounds allows. After the last copy it rests for a day, or for `verifyEveryMs` where that is shorter.
 */
function createVerifyRound(
  { clock }: UpkeepContext,
  upkeep: Upkeep,
  { intervalMs, verifyEveryMs, verifyBytesPerSecond }: RoundOptions,
  signal: AbortSignal,
): () => Promise<void> {
  const maxBytes = (verifyBytesPerSecond * intervalMs) / 2_000
  let cursor: string | undefined
  let restUntilMs = 0
  return async () => {
    if (verifyEveryMs === 0 || clock.now() < restUntilMs) return
    for await (const progress of upkeep.verify({
      repair: true,
      paid: false,
      bytesPerSecond: verifyBytesPerSecond,
      notVerifiedSince: new Date(clock.now() - verifyEveryMs),
      signal,
      ...(cursor === undefined ? {} : { cursor }),
    })) {
      cursor = progress.cursor
      if (progress.checkedBytes >= maxBytes || progress.checkedObjects >= MAX_VERIFIED_A_ROUND) return
    }
    cursor = undefined
    restUntilMs = clock.now() + Math.min(verifyEveryMs, THOROUGH_INTERVAL_MS)
  }
}

async function toEnd(progress: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of progress) continue
}
