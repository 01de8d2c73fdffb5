import type { CountingGate, GateAnswer, GateRequest } from '@mediakeep/envoy'
import { measureLateness } from './lateness.ts'

/** What checks of one path may be told. */
export interface Subject {
  readonly name: string
  readonly path: string
  readonly user?: string
  /** What is wrong about an answer to a check that began and ended then; `undefined`: nothing is. */
  wrong(verdict: Verdict): string | undefined
}

export interface Verdict {
  readonly answer: GateAnswer
  readonly begunMs: number
  readonly endedMs: number
  /** Last known answers were given meanwhile: this may be one. */
  readonly mayBeStale: boolean
}

export interface LoadReport {
  readonly checks: number
  readonly wrong: readonly string[]
  /** Answers by subject and state. */
  readonly states: Readonly<Record<string, number>>
  /** How long checks took, less what the loop was away meanwhile; in order. */
  readonly tookMs: readonly number[]
  readonly longestMs: number
  readonly longestLateMs: number
}

const TICK_MS = 10

/** As much of a gate as is asked, and tells whether its answers may be old. */
export interface AskedGate extends Pick<CountingGate, 'check'> {
  readonly counts: Pick<CountingGate['counts'], 'stale'>
}

/** Asks gates about subjects in turn, so many times a second, until it is ended. */
export function startLoad(
  gates: readonly AskedGate[],
  subjects: readonly Subject[],
  perSecond: number,
): { end(): Promise<LoadReport> } {
  const lateness = measureLateness()
  const underWay = new Set<Promise<void>>()
  const wrong: string[] = []
  const states: Record<string, number> = {}
  const tookMs: number[] = []
  let [checks, longestMs, longestLateMs] = [0, 0, 0]

  const ask = async (gate: AskedGate, subject: Subject): Promise<void> => {
    const [begunMs, lateBefore] = [performance.now(), lateness.soFarMs()]
    const staleBefore = gate.counts.stale
    const answer = await gate.check(questionOf(subject))
    const endedMs = performance.now()
    const lateMs = lateness.soFarMs() - lateBefore
    tookMs.push(endedMs - begunMs - lateMs)
    longestMs = Math.max(longestMs, endedMs - begunMs)
    longestLateMs = Math.max(longestLateMs, lateMs)
    const { state, reason } = answer.facts
    const words = `${subject.name}: ${state}${reason === undefined ? '' : ` ${reason}`}`
    states[words] = (states[words] ?? 0) + 1
    const found = subject.wrong({ answer, begunMs, endedMs, mayBeStale: gate.counts.stale > staleBefore })
    if (found !== undefined) wrong.push(`${subject.name}: ${found}`)
  }

  const startedMs = performance.now()
  const timer = setInterval(() => {
    // What the loop was too late for is made up for in portions: all at once would be a burst.
    const due = Math.min(((performance.now() - startedMs) / 1_000) * perSecond, checks + perSecond / 20)
    for (; checks < due; checks++) {
      const gate = gates[checks % gates.length]
      const subject = subjects[Math.floor(Math.random() * subjects.length)]
      if (gate === undefined || subject === undefined) throw new Error('nothing to ask')
      const one: Promise<void> = ask(gate, subject).finally(() => underWay.delete(one))
      underWay.add(one)
    }
  }, TICK_MS)
  return {
    async end() {
      clearInterval(timer)
      await Promise.all(underWay)
      lateness.stop()
      tookMs.sort((one, other) => one - other)
      return { checks, wrong, states, tookMs, longestMs, longestLateMs }
    },
  }
}

export function questionOf({ path, user }: Pick<Subject, 'path' | 'user'>): GateRequest {
  return {
    method: 'GET',
    target: path,
    host: 'media.example',
    scheme: 'https',
    proxyAddress: '127.0.0.1',
    context: {},
    header: (name) => (name === 'x-user' ? user : undefined),
  }
}
