import { UNANSWERED } from './codec/fixed-answers.ts'
import type { GateAnswer } from './contracts.ts'
import { BUSY_MS, BUSY_WAIT_MS } from './defaults.ts'

/** So long before the end it is seen whether this process was there to hear. */
const HEARD_MS = 20
/** How often a timer may find that this process was away again. */
const MAX_WAITS = 3

export interface AnswerTimes {
  /** When the question is answered at the latest, in ms since the epoch. */
  readonly byMs: number
  /** When whoever asked stops to wait. */
  readonly lastMs: number
}

/**
 * Tells the answer, or `UNANSWERED` once its time is over: one of them, once. After a burst of questions timers come before what
 * others said meanwhile: a timer that is late by as much waits for that, while somebody waits for the answer.
 * Returns how to stop.
 */
export function answerInTime(
  answer: Promise<GateAnswer>,
  { byMs, lastMs }: AnswerTimes,
  tell: (answer: GateAnswer) => void,
): () => void {
  let isOpen = true
  let waits = 0
  let timer: NodeJS.Timeout
  const settle = (settled: GateAnswer): void => {
    if (!isOpen) return
    isOpen = false
    clearTimeout(timer)
    tell(settled)
  }
  const waitUntil = (untilMs: number, isLast: boolean): void => {
    timer = setTimeout(
      () => {
        const nowMs = Date.now()
        const wasBusy = nowMs - untilMs >= BUSY_MS
        const nextMs = Math.min(wasBusy ? Math.max(nowMs + BUSY_WAIT_MS, byMs) : byMs, lastMs)
        const isOver = isLast && (!wasBusy || waits++ === MAX_WAITS)
        if (isOver || nextMs <= nowMs) settle(UNANSWERED)
        else waitUntil(nextMs, true)
      },
      Math.max(untilMs - Date.now(), 0),
    )
  }
  // In two parts: a process that was busy until the end would find one timer no later than it should ring.
  waitUntil(Math.max(byMs - HEARD_MS, Date.now()), false)
  answer.then(settle, () => settle(UNANSWERED))
  return () => {
    isOpen = false
    clearTimeout(timer)
  }
}
