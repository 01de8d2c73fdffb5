import type { GateAnswer } from '../contracts.ts'
import type { Known } from './knowledge.ts'

/** What was made of what is known of one media: given again to all who ask the same way. */
export interface Made {
  readonly answers: Map<string, { readonly answer: GateAnswer; readonly untilMs: number }>
  fetch: 'none' | 'started'
}

export function madeOf(known: Known<Made>): Made {
  known.made ??= { answers: new Map(), fetch: 'none' }
  return known.made
}

/** The same answer for as long as what is known holds. */
export function once(known: Known<Made>, name: string, make: () => GateAnswer): GateAnswer {
  return remembered(known, name, 0, () => ({ answer: make(), untilMs: Number.POSITIVE_INFINITY }))
}

export function remembered(
  known: Known<Made>,
  name: string,
  nowMs: number,
  make: () => { readonly answer: GateAnswer; readonly untilMs: number },
): GateAnswer {
  const { answers } = madeOf(known)
  const kept = answers.get(name)
  if (kept !== undefined && kept.untilMs > nowMs) return kept.answer
  const made = make()
  answers.set(name, made)
  return made.answer
}
