import { expect, it } from 'vitest'
import { createActivity } from './activity.ts'

/** What keeps this process alive. */
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

it('a call under way keeps the process alive, as its pauses do not; what ended, or is only open, does not', async () => {
  const activity = createActivity()
  const before = timers()
  const ends: (() => void)[] = []
  const call = (): Promise<void> =>
    activity.run('call', undefined, () => new Promise<void>((resolve) => ends.push(resolve)))
  for (let round = 0; round < 2; round++) {
    const calls = [call(), call()]
    expect(timers()).toBe(before + 1)
    ends.pop()?.()
    await calls[1]
    expect(timers()).toBe(before + 1)
    ends.pop()?.()
    await calls[0]
    expect(timers()).toBe(before)
  }
  const release = activity.hold(() => {})
  expect(timers()).toBe(before)
  release()
})
