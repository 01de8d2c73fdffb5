import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answerInTime } from './answer-in-time.ts'
import { UNANSWERED } from './codec/fixed-answers.ts'
import type { GateAnswer } from './contracts.ts'
import { MISSING } from './grpc/client.fixture.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A question that is to be answered within 150 ms, by whoever waits for so long. */
function waiting(waitsMs = 200) {
  let answer: (given: GateAnswer) => void = () => undefined
  const found = new Promise<GateAnswer>((resolve) => {
    answer = resolve
  })
  const told: GateAnswer[] = []
  const times = { byMs: Date.now() + 150, lastMs: Date.now() + waitsMs }
  const stop = answerInTime(found, times, (given) => void told.push(given))
  return { told, answer: (given: GateAnswer) => answer(given), stop }
}

/** The clock goes on, and nothing is read: as in a burst of questions. */
const stallFor = (ms: number): void => void vi.setSystemTime(Date.now() + ms)

it('tells the answer that comes in time, and nothing after it', async () => {
  const { told, answer } = waiting()
  await vi.advanceTimersByTimeAsync(149)
  answer(MISSING)
  await vi.advanceTimersByTimeAsync(500)
  expect(told).toEqual([MISSING])
})

it('refuses once its time is over, and tells no answer that comes later', async () => {
  const { told, answer } = waiting()
  await vi.advanceTimersByTimeAsync(150)
  expect(told).toEqual([UNANSWERED])
  answer(MISSING)
  await vi.advanceTimersByTimeAsync(500)
  expect(told).toEqual([UNANSWERED])
})

it('a process that was busy beyond that time tells what it hears next', async () => {
  const { told, answer } = waiting(1_000)
  stallFor(100)
  await vi.advanceTimersByTimeAsync(150)
  expect(told).toEqual([])
  answer(MISSING)
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual([MISSING])
})

it('a process that was busy waits 25 ms for who says nothing, and no longer than whoever asked', async () => {
  const long = waiting(1_000)
  const short = waiting(240)
  const gone = waiting(225)
  stallFor(100)
  await vi.advanceTimersByTimeAsync(130)
  expect([long.told, short.told, gone.told]).toEqual([[], [], [UNANSWERED]])
  await vi.advanceTimersByTimeAsync(10)
  expect([long.told, short.told]).toEqual([[], [UNANSWERED]])
  await vi.advanceTimersByTimeAsync(15)
  expect(long.told).toEqual([UNANSWERED])
})

it('refuses what rejects, and says nothing once it is stopped', async () => {
  const told: GateAnswer[] = []
  const times = { byMs: Date.now() + 150, lastMs: Date.now() + 200 }
  answerInTime(Promise.reject(new Error('secret')), times, (given) => void told.push(given))
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual([UNANSWERED])
  const stopped = waiting()
  stopped.stop()
  stopped.answer(MISSING)
  await vi.advanceTimersByTimeAsync(500)
  expect(stopped.told).toEqual([])
})
