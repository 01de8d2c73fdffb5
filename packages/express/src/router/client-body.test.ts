import { once } from 'node:events'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
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

function request(): IncomingMessage {
  const made = new IncomingMessage(new Socket())
  made.headers = { 'transfer-encoding': 'chunked' }
  return made
}

const open = (from: IncomingMessage): ClientBody =>
  openClientBody(from, { minBytesPerSecond: 0, rateWindowMs: 1_000 })

/** How many chunks of 16 KiB a body that nobody takes has waiting when its sender is paused. */
async function chunksUntilPaused(): Promise<number> {
  const from = request()
  const body = open(from)
  const first = body.next()
  from.emit('data', Buffer.alloc(1))
  await first
  let count = 0
  for (; !from.isPaused(); count++) from.emit('data', Buffer.alloc(16_384))
  body.stop()
  return count
}

it('a body has 256 KiB waiting at most; of two hundred each has its part of 8 MiB, and again more when they are gone', async () => {
  expect(await chunksUntilPaused()).toBe(16)
  const others = Array.from({ length: 199 }, () => {
    const from = request()
    const body = open(from)
    const next = body.next()
    return { from, body, next }
  })
  expect(await chunksUntilPaused()).toBe(3)
  // Each way to an end: all has come, the sender left, nobody takes it any more.
  for (const [index, { from, body, next }] of others.entries()) {
    if (index % 3 === 0) {
      from.complete = true
      from.emit('end')
      expect(await next).toBeUndefined()
    } else if (index % 3 === 1) {
      from.emit('close')
      await expect(next).rejects.toMatchObject({ reason: 'incomplete-body' })
    } else {
      body.stop()
      await expect(next).rejects.toThrow('no longer read')
    }
    from.emit('close')
  }
  expect(await chunksUntilPaused()).toBe(16)
})
