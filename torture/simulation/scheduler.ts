import type { Random } from '@mediakeep/testkit'

/** Whoever events belong to: one life of a host, or the database. */
export interface Owner {
  readonly name: string
  state: 'awake' | 'paused' | 'dead'
}

/** Something under way. Its effect takes place when it runs, unless it did so when it was asked for. */
export interface Pending {
  readonly owner: Owner
  effect: (() => void) | undefined
  deliver(): void
  /** It goes on after its caller is dead: a request that is on the wire. */
  readonly outlives: boolean
}

/** Decides by the seed what happens next among all that is under way, and owns the time. */
export interface Scheduler {
  readonly nowMs: number
  readonly timers: number
  add(event: Pending): void
  after(owner: Owner, ms: number, callback: () => void): () => void
  /** Lets one thing happen; false when nothing can. */
  step(): boolean
  /** Lets time pass. */
  pass(ms: number): void
  /** The owner is gone: of what it had under way some takes effect, and nobody hears of it. */
  kill(owner: Owner): void
}

interface Timer {
  readonly owner: Owner
  readonly dueMs: number
  readonly callback: () => void
}

const START_MS = Date.UTC(2026, 0, 1)
const MAX_STEP_MS = 4

export function createScheduler(random: Random): Scheduler {
  let events: Pending[] = []
  let timers: Timer[] = []
  let nowMs = START_MS
  /** By seed: any, or mostly those that wait longest, or mostly the latest. */
  const manner = (['any', 'oldest', 'latest'] as const)[random.integer(0, 3)] ?? 'any'

  function choose(): number {
    const count = events.length
    if (manner !== 'any' && random.next() < 0.7) return manner === 'oldest' ? 0 : count - 1
    return random.integer(0, count)
  }

  function takeEvent(): Pending | undefined {
    for (let tries = 0; tries < 4 && events.length > 0; tries++) {
      const at = choose()
      if (events[at]?.owner.state === 'awake') return events.splice(at, 1)[0]
    }
    const at = events.findIndex(({ owner }) => owner.state === 'awake')
    return at < 0 ? undefined : events.splice(at, 1)[0]
  }

  function takeTimer(untilMs: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of timers)
      if (timer.dueMs <= untilMs && timer.owner.state === 'awake' && timer.dueMs < (first?.dueMs ?? Infinity))
        first = timer
    if (first !== undefined) timers.splice(timers.indexOf(first), 1)
    return first
  }

  return {
    get nowMs() {
      return nowMs
    },
    get timers() {
      return timers.length
    },
    add(event) {
      events.push(event)
    },
    after(owner, ms, callback) {
      const timer = { owner, dueMs: nowMs + Math.max(0, ms), callback }
      timers.push(timer)
      return () => {
        const at = timers.indexOf(timer)
        if (at >= 0) timers.splice(at, 1)
      }
    },
    step() {
      nowMs += random.integer(0, MAX_STEP_MS)
      const due = takeTimer(nowMs)
      if (due !== undefined) {
        due.callback()
        return true
      }
      const event = takeEvent()
      if (event !== undefined) {
        event.effect?.()
        event.effect = undefined
        event.deliver()
        return true
      }
      const next = takeTimer(Number.POSITIVE_INFINITY)
      if (next === undefined) return false
      nowMs = Math.max(nowMs, next.dueMs)
      next.callback()
      return true
    },
    pass(ms) {
      nowMs += ms
    },
    kill(owner) {
      owner.state = 'dead'
      timers = timers.filter((timer) => timer.owner !== owner)
      const left: Pending[] = []
      for (const event of events) {
        if (event.owner !== owner) left.push(event)
        else if (event.outlives && event.effect !== undefined && random.next() < 0.5)
          left.push({ owner: WIRE, effect: event.effect, deliver: () => {}, outlives: true })
        else if (random.next() < 0.5) event.effect?.()
      }
      events = left
    },
  }
}

/** What the dead have sent off. */
const WIRE: Owner = { name: 'wire', state: 'awake' }
