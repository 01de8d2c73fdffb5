import { expect, it } from 'vitest'
import { pagesOf } from './pages.ts'

it('pagesOf() gives every page once, and asks for none before the one before it is done with', async () => {
  const told: string[] = []
  const pages = pagesOf(async ({ cursor }) => {
    told.push(`ask ${cursor}`)
    return cursor === undefined ? { cursor: 'b' } : cursor === 'b' ? { cursor: '' } : {}
  })
  for await (const { cursor } of pages) told.push(`got ${cursor}`)
  expect(told).toEqual(['ask undefined', 'got b', 'ask b', 'got ', 'ask ', 'got undefined'])
})

it('pagesOf() asks for nothing more when it is left, and passes failures on', async () => {
  let asked = 0
  for await (const _ of pagesOf(async () => ({ cursor: `${++asked}` }))) break
  expect(asked).toBe(1)
  const failing = pagesOf(() => {
    throw new Error('down')
  })
  await expect(failing.next()).rejects.toThrow('down')
})
