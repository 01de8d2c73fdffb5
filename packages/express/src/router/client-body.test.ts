import { once } from 'node:events'
import { expect, it } from 'vitest'
import { serve } from '../wire.fixture.ts'
import { type ClientBody, openClientBody } from './client-body.ts'

it('a body whose sender left gives what came before, and then says so, however late it is read', async () => {
  let open: (body: ClientBody) => void
  const opened = new Promise<ClientBody>((resolve) => {
    open = resolve
  })
  const wire = await serve((request) =>
    open(openClientBody(request, { minBytesPerSecond: 0, rateWindowMs: 1_000 })),
  )
  const socket = await wire.socket()
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n')
  const body = await opened
  socket.write('first')
  expect(String(await body.next())).toBe('first')
  const left = once(body.signal, 'abort')
  socket.end('and the rest')
  await left

  expect(String(await body.next())).toBe('and the rest')
  await expect(body.next()).rejects.toMatchObject({ reason: 'incomplete-body' })
  await wire.close()
})
