import { PassThrough, Readable } from 'node:stream'
import { isMediaError } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { createObjectBody } from './object-body.ts'

const facts = { sizeBytes: 10, etag: 'e', modifiedAt: new Date(0), metadata: {} }
const about = { facts, start: 0, lengthBytes: 10 }
const pass = (error: unknown): unknown => error

async function drain(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

describe('createObjectBody()', () => {
  test('gives exactly the bytes that were promised, and tells how many came', async () => {
    const ended: number[] = []
    const body = createObjectBody(Readable.from(['01234', '56789']), about, (bytes) => void ended.push(bytes))
    expect(await drain(body.open(pass))).toBe('0123456789')
    expect(ended).toEqual([10])
  })

  test('makes an error of a body that ends early, or gives more, without an error of its own', async () => {
    for (const text of ['012345678', '0123456789a']) {
      const body = createObjectBody(Readable.from([text]), about, () => {})
      const error: unknown = await drain(body.open(pass)).catch((thrown: unknown) => thrown)
      expect(isMediaError(error, 'MEDIA_UNAVAILABLE') && error.reason).toBe('truncated')
    }
  })

  test('ends a connection on which nothing comes while its reader waits', async () => {
    const raw = new PassThrough()
    const ended: number[] = []
    const body = createObjectBody(raw, about, (bytes) => void ended.push(bytes), 10)
    raw.write('01234')
    await expect(drain(body.open(pass))).rejects.toThrow(/no byte came/)
    expect(ended).toEqual([5])
  })

  test('waits for a reader that takes its time', async () => {
    const raw = new PassThrough({ highWaterMark: 1 })
    const lengthBytes = 200_000
    const body = createObjectBody(raw, { ...about, lengthBytes }, () => {}, 10)
    const stream = body.open(pass)
    const sending = Readable.from([Buffer.alloc(lengthBytes)]).pipe(raw)
    await new Promise((resolve) => setTimeout(resolve, 60)) // some rounds of the watch
    expect(stream.destroyed).toBe(false)
    let sizeBytes = 0
    for await (const chunk of stream) sizeBytes += Buffer.from(chunk as Uint8Array).byteLength
    expect(sizeBytes).toBe(lengthBytes)
    expect(sending.destroyed).toBe(true)
  })

  test('tells of a body that nobody opened once it is discarded', async () => {
    const raw = new PassThrough()
    const ended = new Promise<number>((resolve) => {
      createObjectBody(raw, about, resolve).discard()
    })
    expect(await ended).toBe(0)
    expect(raw.destroyed).toBe(true)
  })
})
