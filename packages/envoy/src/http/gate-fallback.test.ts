import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { GateStore } from '../gate/gate-store.ts'
import { gateFallback } from './gate-fallback.ts'

const ID = '01980000-0000-7000-8000-000000000000'

async function fallbackOn(recheck?: NonNullable<GateStore['recheck']>): Promise<string> {
  const server = createServer(gateFallback(recheck === undefined ? {} : { store: { recheck } }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/media/objects/ab/cd?X-Amz-Signature=x`
}

it('answers 503 with Retry-After to every address, and nothing of the address', async () => {
  const url = await fallbackOn()
  for (const method of ['GET', 'HEAD', 'POST']) {
    const answer = await fetch(url, { method })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('2')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.text()).not.toContain('objects')
  }
})

it('has the media looked at again once for a hundred clients', async () => {
  const recheck = vi.fn<NonNullable<GateStore['recheck']>>(async () => ({ state: 'missing' }))
  const url = await fallbackOn(recheck)
  await Promise.all(Array.from({ length: 100 }, () => fetch(url, { headers: { 'x-media-id': ID } })))
  expect(recheck).toHaveBeenCalledExactlyOnceWith(ID)
})

it('answers also when nobody can look, and asks about nothing that is no id', async () => {
  const recheck = vi.fn<NonNullable<GateStore['recheck']>>(() => Promise.reject(new Error('down')))
  const url = await fallbackOn(recheck)
  for (const id of ['x', '../..', `${ID},${ID}`])
    expect((await fetch(url, { headers: { 'x-media-id': id } })).status).toBe(503)
  expect(recheck).not.toHaveBeenCalled()
  expect((await fetch(url, { headers: { 'x-media-id': ID } })).status).toBe(503)
  expect(recheck).toHaveBeenCalledTimes(1)
})
