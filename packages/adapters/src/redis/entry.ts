import { type SettledState, type StateEntry, settledStateOf } from '@mediakeep/core'

/*
 * What is kept of a key: `STATE TOKEN ENDS FACTS`, a word, two whole numbers, and what only readers need. The scripts
 * know the first three, and of `loading` also its facts: when it was claimed and when it is due.
 * `forgotten` is nothing but the last token, so that the next one is greater also when a clock was set back.
 */

/** `damaged`: not ours, or no longer whole. */
export type KeptEntry = StateEntry | 'forgotten' | 'damaged'

const KEPT = /^([a-z]+) (\d{1,16}) (\d{1,16}) (.*)$/s
const LOADING_FACTS = /^(\d{1,16}) (\d{1,16})$/

export function parseEntry(kept: string): KeptEntry {
  const [, state, token, ends, facts] = KEPT.exec(kept) ?? []
  if (state === undefined || facts === undefined) return 'damaged'
  if (state === 'forgotten') return 'forgotten'
  const endsAtMs = Number(ends)
  if (state !== 'loading') {
    const settled = parseFacts(facts)
    return settled?.state === state ? { type: 'settled', state: settled, endsAtMs } : 'damaged'
  }
  const [, claimed, due] = LOADING_FACTS.exec(facts) ?? []
  if (claimed === undefined) return 'damaged'
  return {
    type: 'loading',
    token: Number(token),
    claimedAtMs: Number(claimed),
    dueAtMs: Number(due),
    endsAtMs,
  }
}

/** Of a state that was checked. */
export function formatFacts(state: SettledState): string {
  return JSON.stringify(state.state === 'ready' ? { ...state, since: state.since.getTime() } : state)
}

function parseFacts(facts: string): SettledState | undefined {
  try {
    const parsed = JSON.parse(facts) as { readonly state?: unknown; readonly since?: unknown }
    const { since } = parsed
    return settledStateOf(
      (typeof since === 'number' ? { ...parsed, since: new Date(since) } : parsed) as SettledState,
    )
  } catch {
    return undefined
  }
}
