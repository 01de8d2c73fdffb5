import { expect, it } from 'vitest'
import { createKeyedLock } from './keyed-lock.ts'

it('runs the work of a key one after the other, in order of arrival, whatever fails', async () => {
  const lock = createKeyedLock()
  const seen: string[] = []
  const work =
    (name: string, fails = false) =>
    async () => {
      seen.push(`${name} begins`)
      await new Promise(setImmediate)
      seen.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    }
  const all = await Promise.allSettled([
    lock.run('a', work('one')),
    lock.run('a', work('two', true)),
    lock.run('a', work('three')),
  ])
  expect(seen).toEqual(['one begins', 'one ends', 'two begins', 'two ends', 'three begins', 'three ends'])
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

it('lets keys pass each other, and begins at once where nobody is before', async () => {
  const lock = createKeyedLock()
  let release = (): void => undefined
  const first = lock.run(
    'a',
    () =>
      new Promise<void>((resolve) => {
        release = resolve
      }),
  )
  let begun = false
  const other = lock.run('b', async () => {
    begun = true
  })
  expect(begun).toBe(true)
  await other
  release()
  await first
})
