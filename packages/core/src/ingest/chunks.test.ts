import { getEventListeners } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { forEachChunk } from './chunks.ts'

const take = (into: Buffer[]) => (chunk: Uint8Array) => {
  into.push(Buffer.from(chunk))
  return undefined
}

describe('forEachChunk()', () => {
  it('gives every chunk of a stream and of an iterable in order', async () => {
    for (const body of [
      Readable.from([Buffer.from('a'), Buffer.from('b')]),
      (async function* () {
        yield Buffer.from('a')
        yield Buffer.from('b')
      })(),
    ]) {
      const got: Buffer[] = []
      await forEachChunk(body, take(got), undefined)
      expect(Buffer.concat(got).toString()).toBe('ab')
    }
  })

  it('waits for the promise of a chunk before it gives the next', async () => {
    let open = 0
    let most = 0
    const body = Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(10)))
    await forEachChunk(
      body,
      async () => {
        most = Math.max(most, ++open)
        await new Promise(setImmediate)
        open--
      },
      undefined,
    )
    expect(most).toBe(1)
  })

  it('fails also when the stream says that it failed and not why', async () => {
    const body = new Readable({ read() {} })
    const reading = forEachChunk(body, () => undefined, undefined)
    body.push(Buffer.alloc(1))
    body.emit('error', undefined)
    await expect(reading).rejects.toMatchObject({ reason: 'incomplete-body' })
  })

  it('keeps the reason of an abort when the iterator cannot even be let go', async () => {
    const stop = new AbortController()
    const body = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<Uint8Array>>(() => {}),
        return: () => {
          throw new Error('stuck')
        },
      }),
    }
    const reading = forEachChunk(body, () => undefined, stop.signal)
    stop.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
  })

  it('fails with the error of the stream, of `take`, and destroys the stream', async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error('disk'))
      },
    })
    await expect(forEachChunk(broken, () => undefined, undefined)).rejects.toThrow('disk')
    const body = Readable.from([Buffer.alloc(1), Buffer.alloc(1)])
    await expect(
      forEachChunk(
        body,
        () => {
          throw new Error('full')
        },
        undefined,
      ),
    ).rejects.toThrow('full')
    expect(body.destroyed).toBe(true)
    const late = Readable.from([Buffer.alloc(1)])
    await expect(forEachChunk(late, () => Promise.reject(new Error('later')), undefined)).rejects.toThrow(
      'later',
    )
  })

  it('tells a stream that closed before its end from one that ended', async () => {
    const cut = new PassThrough()
    cut.write('abc')
    const reading = forEachChunk(cut, () => undefined, undefined)
    setImmediate(() => cut.destroy())
    await expect(reading).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'incomplete-body' })
    const used = Readable.from([Buffer.from('x')])
    for await (const _ of used);
    await expect(forEachChunk(used, () => undefined, undefined)).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
    })
  })

  it('passes an abort reason untouched, ends a stalled body, and leaves no listener', async () => {
    const reason = new Error('stop')
    const stalled = [
      new PassThrough(),
      { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) },
    ]
    for (const body of stalled) {
      const controller = new AbortController()
      const reading = forEachChunk(body, () => undefined, controller.signal)
      setImmediate(() => controller.abort(reason))
      await expect(reading).rejects.toBe(reason)
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    }
    await expect(forEachChunk(new PassThrough(), () => undefined, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    )
  })

  it('refuses chunks that are no bytes', async () => {
    await expect(forEachChunk(Readable.from([{ a: 1 }]), () => undefined, undefined)).rejects.toMatchObject({
      reason: 'not-bytes',
    })
  })
})
