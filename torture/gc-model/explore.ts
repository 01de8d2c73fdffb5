import { createHash } from 'node:crypto'
import { stepOf } from './actors.ts'
import { cloneData } from './clone.ts'
import { afterRecovery, brokenRule, catalogOf } from './rules.ts'
import { type Actor, firstState, GRACE_MS, type Scenario, type State, textOf } from './state.ts'
import type { Variant } from './variants.ts'

/** What happens next: an actor's step, its death, the end of sessions past their time, or the passing of the grace. */
export interface Move {
  readonly label: string
  readonly kind: 'step' | 'crash' | 'expire' | 'tick'
  readonly actor: number
}

export interface Explored {
  readonly states: number
  /** Every state was seen. */
  readonly complete: boolean
  readonly violation: { readonly what: string; readonly moves: readonly string[] } | undefined
}

interface Frame {
  readonly state: State
  readonly moves: readonly Move[]
  next: number
}

/** One in so many states that are not final is recovered too, as if everybody died there. */
const RECOVER_EVERY = 8

/** Goes through every order of moves, depth first, and no state twice; ends at the first rule that is broken, or after `maxStates`. */
export async function explore(
  scenario: Scenario,
  variant: Variant,
  options: { readonly maxStates: number; readonly signal?: AbortSignal; progress?(states: number): void },
): Promise<Explored> {
  const seen = new Set<string>()
  const path: Move[] = []
  const first = await firstState(scenario)
  seen.add(nameOf(textOf(first)))
  const stack: Frame[] = [{ state: first, moves: movesOf(first), next: 0 }]
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const move = frame.moves[frame.next++]
    if (move === undefined) {
      stack.pop()
      path.pop()
      continue
    }
    if (seen.size >= options.maxStates || options.signal?.aborted === true)
      return { states: seen.size, complete: false, violation: undefined }
    const state = cloneData(frame.state)
    await make(state, move, variant)
    const name = nameOf(textOf(state))
    if (seen.has(name)) continue
    seen.add(name)
    options.progress?.(seen.size)
    const recovers = movesOf(state).length === 0 || seen.size % RECOVER_EVERY === 0
    const what = await judge(state, variant, recovers)
    if (what !== undefined) {
      const moves = await shortest(scenario, variant, [...path, move])
      return {
        states: seen.size,
        complete: false,
        violation: { what, moves: moves.map(({ label }) => label) },
      }
    }
    path.push(move)
    stack.push({ state, moves: movesOf(state), next: 0 })
  }
  return { states: seen.size, complete: true, violation: undefined }
}

async function judge(state: State, variant: Variant, recovers: boolean): Promise<string | undefined> {
  return (
    state.broken ??
    brokenRule(state) ??
    (recovers ? await afterRecovery(cloneData(state), variant) : undefined)
  )
}

/** 84 bits: among a million states the chance that two share one is below 10^-12. */
function nameOf(text: string): string {
  return createHash('sha1').update(text).digest('base64').slice(0, 14)
}

function isOver({ step }: Actor): boolean {
  return step === 'done' || step === 'dead'
}

function movesOf(state: State): readonly Move[] {
  const moves: Move[] = []
  for (const [index, actor] of state.actors.entries()) {
    if (isOver(actor)) continue
    moves.push({ label: `${actor.name}: ${actor.step}`, kind: 'step', actor: index })
    if (state.crashesLeft > 0) moves.push({ label: `${actor.name} dies`, kind: 'crash', actor: index })
  }
  // Time and the end of sessions matter only while somebody is under way.
  if (moves.length === 0) return []
  if (state.ticksLeft > 0) moves.push({ label: 'the grace passes', kind: 'tick', actor: -1 })
  if ([...state.tables.sessions.values()].some(({ expiresAtMs }) => expiresAtMs <= state.nowMs))
    moves.push({ label: 'sessions past their time end', kind: 'expire', actor: -1 })
  return moves
}

async function make(state: State, { kind, actor: index }: Move, variant: Variant): Promise<void> {
  const actor = state.actors[index]
  if (kind === 'tick') {
    state.nowMs += GRACE_MS
    state.ticksLeft -= 1
  } else if (kind === 'expire') {
    await catalogOf(state, variant).expireSessions({ limit: 100 })
  } else if (actor !== undefined && kind === 'crash') {
    actor.step = 'dead'
    state.crashesLeft -= 1
  } else if (actor !== undefined) {
    const { own, step } = actor.kind === 'putter' ? { ...actor } : { own: undefined, step: actor.step }
    const isReuse = step === 'publish' && own !== undefined && state.used.has(own.key)
    await stepOf(state, actor, catalogOf(state, variant), variant.keyOf)
    if (isReuse && variant.keyOf('a', 0) !== variant.keyOf('b', 0))
      state.broken = `the key ${own.key} is used a second time`
  }
}

/** Leaves out moves as long as the rest can be made and still ends badly. */
async function shortest(
  scenario: Scenario,
  variant: Variant,
  moves: readonly Move[],
): Promise<readonly Move[]> {
  let least = moves
  for (let at = least.length - 1; at >= 0; at--) {
    const fewer = least.filter((_, index) => index !== at)
    if (await endsBadly(scenario, variant, fewer)) least = fewer
  }
  return least
}

async function endsBadly(scenario: Scenario, variant: Variant, moves: readonly Move[]): Promise<boolean> {
  const state = await firstState(scenario)
  for (const move of moves) {
    if (!movesOf(state).some(({ kind, actor }) => kind === move.kind && actor === move.actor)) return false
    await make(state, move, variant)
  }
  return (await judge(state, variant, true)) !== undefined
}
