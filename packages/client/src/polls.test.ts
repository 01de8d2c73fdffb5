import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPolls, type PollOutcome, type Waiter } from './polls.ts'
import { answer, expectNoTimers, never, type TestServer, testServer } from './server.fixture.ts'

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(expectNoTimers)

const at = (url: string) => ({ url: `https://media.test/${url}`, credentials: undefined, maxWaitMs: 60_000 })
const always = async (): Promise<void> => {}
const pollsOf = (server: TestServer, untilWorthIt: (signal: AbortSignal) => Promise<void> = always) =>
  createPolls({ maxAtOnce: 4, untilWorthIt, fetch: server.fetch })

function waiter(isThere = (): boolean => true): Waiter & { readonly outcomes: PollOutcome[] } {
  const outcomes: PollOutcome[] = []
  return { isThere, outcomes, settle: (outcome) => outcomes.push(outcome) }
}

/** Not ready so many times, then 200. */
const readyAfter = (times: number) => {
  const counts = new Map<string, number>()
  return testServer(({ url }) => {
    const count = (counts.get(url) ?? 0) + 1
    counts.set(url, count)
    return count > times ? new Response(null) : answer(503, { 'retry-after': '2' }).response
  })
}

describe('createPolls()', () => {
  it('asks once for all who wait for one address, also for those who come later', async () => {
    const server = readyAfter(1)
    const polls = pollsOf(server)
    const waiters = [waiter(), waiter(), waiter()]
    polls.join(at('a'), waiters[0] ?? waiter())
    polls.join(at('a'), waiters[1] ?? waiter())
    await vi.advanceTimersByTimeAsync(1000)
    polls.join(at('a'), waiters[2] ?? waiter())
    await vi.runAllTimersAsync()
    expect(server.requests).toHaveLength(2)
    expect(waiters.map(({ outcomes }) => outcomes)).toEqual([['ready'], ['ready'], ['ready']])
  })

  it('asks apart for other addresses, and with other credentials', async () => {
    const server = readyAfter(0)
    const polls = pollsOf(server)
    polls.join(at('a'), waiter())
    polls.join(at('b'), waiter())
    polls.join({ ...at('a'), credentials: 'include' }, waiter())
    await vi.runAllTimersAsync()
    expect(server.requests.map(({ credentials }) => credentials)).toEqual([undefined, undefined, 'include'])
  })

  it('asks anew for who comes after the answer', async () => {
    const server = readyAfter(0)
    const polls = pollsOf(server)
    polls.join(at('a'), waiter())
    await vi.runAllTimersAsync()
    const late = waiter()
    polls.join(at('a'), late)
    await vi.runAllTimersAsync()
    expect(server.requests).toHaveLength(2)
    expect(late.outcomes).toEqual(['ready'])
  })

  it('has at most four requests under way, and comes to all in their order', async () => {
    let most = 0
    const server: TestServer = testServer(
      () =>
        new Promise((resolve) => {
          most = Math.max(most, server.underWay())
          setTimeout(() => resolve(new Response(null)), 10)
        }),
    )
    const polls = pollsOf(server)
    const waiters = Array.from({ length: 50 }, () => waiter())
    for (const [index, one] of waiters.entries()) polls.join(at(String(index)), one)
    await vi.runAllTimersAsync()
    expect(most).toBe(4)
    expect(waiters.every(({ outcomes }) => outcomes.length === 1)).toBe(true)
    expect(server.requests.map(({ url }) => url)).toEqual(waiters.map((_, index) => at(String(index)).url))
  })

  it('lets others ask while one waits for its time', async () => {
    const server = testServer(({ url }) =>
      url.endsWith('slow') ? answer(503, { 'retry-after': '50' }).response : new Response(null),
    )
    const polls = createPolls({ maxAtOnce: 1, untilWorthIt: always, fetch: server.fetch })
    const [slow, quick] = [waiter(), waiter()]
    const leave = polls.join(at('slow'), slow)
    polls.join(at('quick'), quick)
    await vi.advanceTimersByTimeAsync(10)
    expect(quick.outcomes).toEqual(['ready'])
    leave()
  })

  it('goes on while one is left, and ends at once with the last', async () => {
    const server = readyAfter(99)
    const polls = pollsOf(server)
    const [one, other] = [waiter(), waiter()]
    const leaves = [polls.join(at('a'), one), polls.join(at('a'), other)]
    await vi.advanceTimersByTimeAsync(3000)
    leaves[0]?.()
    await vi.advanceTimersByTimeAsync(2000)
    expect(server.requests).toHaveLength(3)
    leaves[1]?.()
    await vi.advanceTimersByTimeAsync(0)
    expect(vi.getTimerCount()).toBe(0)
    expect([...one.outcomes, ...other.outcomes]).toEqual([])
  })

  it('interrupts a request whose last waiter leaves, and gives its place to the next', async () => {
    const server = testServer(({ url }) => (url.endsWith('hangs') ? never() : new Response(null)))
    const polls = createPolls({ maxAtOnce: 1, untilWorthIt: always, fetch: server.fetch })
    const next = waiter()
    const leave = polls.join(at('hangs'), waiter())
    const leaveQueue = polls.join(at('queued'), waiter())
    polls.join(at('next'), next)
    await vi.advanceTimersByTimeAsync(10)
    leaveQueue()
    leave()
    await vi.advanceTimersByTimeAsync(10)
    expect(server.underWay()).toBe(0)
    expect(next.outcomes).toEqual(['ready'])
    expect(server.requests.map(({ url }) => url)).toEqual([at('hangs').url, at('next').url])
  })

  it('ends when all who wait are gone without a word, before it asks again', async () => {
    const server = readyAfter(99)
    const polls = pollsOf(server)
    let isThere = true
    const gone = waiter(() => isThere)
    polls.join(at('a'), gone)
    await vi.advanceTimersByTimeAsync(1000)
    isThere = false
    await vi.runAllTimersAsync()
    expect(server.requests).toHaveLength(1)
    expect(gone.outcomes).toEqual([])
  })

  it('asks first in any case and again only when it is worth it; that time does not count', async () => {
    const server = readyAfter(1)
    let resume = (): void => {}
    const polls = pollsOf(server, () => new Promise((resolve) => (resume = resolve)))
    const one = waiter()
    polls.join(at('a'), one)
    await vi.advanceTimersByTimeAsync(3600_000)
    expect(server.requests).toHaveLength(1)
    resume()
    await vi.runAllTimersAsync()
    expect(server.requests).toHaveLength(2)
    expect(one.outcomes).toEqual(['ready'])
  })

  it.each([
    [200, 'ready'],
    [304, 'ready'],
    [405, 'ready'], // No HEAD there: the element finds out.
    [501, 'ready'],
    [404, 'missing'],
    [410, 'missing'],
    [401, 'failed'],
    [403, 'failed'],
    [500, 'failed'],
  ] as const)('takes %i for %s', async (status, outcome) => {
    const one = waiter()
    pollsOf(testServer(() => new Response(null, { status }))).join(at('a'), one)
    await vi.runAllTimersAsync()
    expect(one.outcomes).toEqual([outcome])
  })

  it('takes a time that is over for failed', async () => {
    const one = waiter()
    pollsOf(readyAfter(999)).join(at('a'), one)
    await vi.runAllTimersAsync()
    expect(one.outcomes).toEqual(['failed'])
  })

  it('leaves it to the element where nobody answers: another origin may show what it does not let us ask', async () => {
    const one = waiter()
    const server = testServer(() => new TypeError('Failed to fetch'))
    pollsOf(server).join(at('a'), one)
    await vi.runAllTimersAsync()
    expect(one.outcomes).toEqual(['ready'])
    expect(server.requests).toHaveLength(5)
  })

  it('settles every waiter, also when the callback of one throws', async () => {
    const other = waiter()
    const polls = pollsOf(readyAfter(0))
    const uncaught = vi.fn<() => void>()
    process.once('uncaughtException', uncaught)
    polls.join(at('a'), {
      isThere: () => true,
      settle: () => {
        throw new Error('of the page')
      },
    })
    polls.join(at('a'), other)
    await vi.runAllTimersAsync()
    expect(other.outcomes).toEqual(['ready'])
    process.off('uncaughtException', uncaught)
  })
})
