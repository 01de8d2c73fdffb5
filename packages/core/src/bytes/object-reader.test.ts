import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { ObjectReader } from '../contracts/object-store.ts'
import { openCallScope } from '../time/call-scope.ts'
import { systemClock } from '../time/clock.ts'
import { createObjectReader } from './object-reader.ts'

/** A reader of three bytes, and what it was told, in order. */
function opened(signal?: AbortSignal): { reader: ObjectReader; told: string[] } {
  const told: string[] = []
  const scope = openCallScope(
    signal === undefined ? undefined : { signal },
    systemClock,
    new AbortController().signal,
  )
  const reader = createObjectReader({
    head: { key: 'key', sizeBytes: 3, etag: 'etag', modifiedAt: new Date(0) },
    range: { start: 0, endExclusive: 3 },
    scope,
    open() {
      told.push('open')
      return Readable.from([Buffer.from('abc')])
    },
    discard: () => void told.push('discard'),
    onFreed: () => void told.push('freed'),
  })
  return { reader, told }
}

describe('createObjectReader()', () => {
  it('bytes are given once, and all is freed when they ended', async () => {
    const { reader, told } = opened()
    const chunks = await reader.stream().toArray()
    expect(Buffer.concat(chunks).toString()).toBe('abc')
    expect(() => reader.stream()).toThrow(expect.objectContaining({ reason: 'read-twice' }))
    await reader[Symbol.asyncDispose]()
    expect(told).toEqual(['open', 'freed'])
  })

  it('disposed unread it discards what it holds, once, and gives nothing any more', async () => {
    const { reader, told } = opened()
    await reader[Symbol.asyncDispose]()
    await reader[Symbol.asyncDispose]()
    expect(told).toEqual(['discard', 'freed'])
    expect(() => reader.stream()).toThrow(expect.objectContaining({ reason: 'reader-disposed' }))
  })

  it('disposed while it is read it ends the stream before it is done', async () => {
    const { reader, told } = opened()
    const stream = reader.stream()
    await reader[Symbol.asyncDispose]()
    expect(stream.destroyed).toBe(true)
    expect(told).toEqual(['open', 'freed'])
  })

  it('the end of its call frees it unread, and ends what is read with the reason', async () => {
    const call = new AbortController()
    const [unread, read] = [opened(call.signal), opened(call.signal)]
    const stream = read.reader.stream()
    const reason = new Error('gone')
    call.abort(reason)
    expect(unread.told).toEqual(['discard', 'freed'])
    expect(() => unread.reader.stream()).toThrow(reason)
    await expect(stream.toArray()).rejects.toBe(reason)
    expect(read.told).toEqual(['open', 'freed'])
  })
})
