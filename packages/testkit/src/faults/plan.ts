import { MediaError } from '@mediakeep/core'
import { seededRandom } from '../random.ts'

/** One thing that goes wrong at one call. */
export type FaultEffect =
  /** The call throws; `before` it does anything, or `after` it took effect, as when only the answer is lost. */
  | { readonly type: 'fail'; readonly at: 'before' | 'after'; readonly error?: Error }
  /** The stream of the call (a reader's, a source's) ends after `atByte` bytes: quietly, or with the error. */
  | { readonly type: 'cut'; readonly atByte: number; readonly error?: Error }
  /** One bit of the stream, or of positional reads, comes wrong. */
  | { readonly type: 'flip'; readonly atByte: number; readonly bit?: number }
  /** The call waits for the promise, which the test resolves: no timer. */
  | { readonly type: 'hold'; readonly at: 'before' | 'after'; readonly until: Promise<unknown> }

/** A fault at a member's n-th call. */
export interface Fault {
  readonly member: string
  readonly effect: FaultEffect
  /** 1 is the first call. Default 1. */
  readonly call?: number
  /** `once`: at that call only; `forever`: from that call on. Default `once`. */
  readonly times?: 'once' | 'forever'
}

/** Faults as a list, or asked for each call: the first that applies is used. */
export type FaultPlan = readonly Fault[] | ((member: string, call: number) => FaultEffect | undefined)

export interface InjectedFault {
  readonly member: string
  readonly call: number
  readonly effect: FaultEffect
}

/** Counts calls by member, answers which fault is due, and remembers those that were. */
export interface FaultScript {
  due(member: string): FaultEffect | undefined
  calls(member: string): number
  readonly injected: readonly InjectedFault[]
}

export function createFaultScript(plan: FaultPlan): FaultScript {
  const counts = new Map<string, number>()
  const injected: InjectedFault[] = []
  const choose = (member: string, call: number): FaultEffect | undefined => {
    if (typeof plan === 'function') return plan(member, call)
    return plan.find((fault) => {
      const from = fault.call ?? 1
      return fault.member === member && (fault.times === 'forever' ? call >= from : call === from)
    })?.effect
  }
  return {
    injected,
    calls: (member) => counts.get(member) ?? 0,
    due(member) {
      const call = (counts.get(member) ?? 0) + 1
      counts.set(member, call)
      const effect = choose(member, call)
      if (effect !== undefined) injected.push({ member, call, effect })
      return effect
    },
  }
}

/**
 * A plan that fails calls by chance, the same way for the same seed.
 * @param ratio share of the calls that fail, 0 to 1
 */
export function randomFaults(
  seed: number,
  options: { readonly ratio: number; readonly members?: readonly string[] },
): FaultPlan {
  const random = seededRandom(seed)
  return (member) => {
    if (options.members !== undefined && !options.members.includes(member)) return undefined
    const [hit, after] = [random.next() < options.ratio, random.next() < 0.5] // both drawn each time: the sequence stays aligned
    return hit ? { type: 'fail', at: after ? 'after' : 'before' } : undefined
  }
}

/** The error of a fault that names none: the backend is not there. */
export function injectedError(member: string): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `fault injected into ${member}`, { reason: 'injected' })
}

/** Runs one call of a member under the script. Effects on streams are the caller's. */
export async function underFault<Result>(
  script: FaultScript,
  member: string,
  run: (effect: FaultEffect | undefined) => Promise<Result>,
  discard?: (result: Result) => Promise<void>,
): Promise<Result> {
  const effect = script.due(member)
  if (effect?.type === 'hold' && effect.at === 'before') await effect.until
  if (effect?.type === 'fail' && effect.at === 'before') throw effect.error ?? injectedError(member)
  const result = await run(effect)
  if (effect?.type === 'hold' && effect.at === 'after') await effect.until
  if (effect?.type === 'fail' && effect.at === 'after') {
    await discard?.(result) // the caller never gets it, so nobody else could free it
    throw effect.error ?? injectedError(member)
  }
  return result
}
