import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { bytesSource } from '../bytes/source.ts'
import type { ByteSource, OpenSourceOptions } from '../contracts/bytes.ts'
import type { InspectInput } from './index.ts'
import { createInspectorWith, type InspectorOptions } from './inspector.ts'
import { box, movie, picture } from './samples.fixture.ts'

const MiB = 1_048_576
const policy = { match: '*' }
const of = (source: ByteSource, contentType = 'video/mp4', signal?: AbortSignal): InspectInput => ({
  source,
  contentType,
  filename: 'a',
  policy,
  signal,
})
/** A film of more than a thread begins at, whose headers stand behind its data. */
const film = (bytes: number): Buffer => {
  const [ftyp, , moov] = parts(movie())
  return Buffer.concat([ftyp, box('mdat', Buffer.alloc(bytes)), moov])
}
const parts = (body: Buffer): [Buffer, Buffer, Buffer] => {
  const first = body.readUInt32BE(0)
  const second = first + body.readUInt32BE(first)
  return [body.subarray(0, first), body.subarray(first, second), body.subarray(second)]
}
const FACTS = { width: 640, height: 360, durationMs: 2_500 }

/** Counts what is read, and how many streams are open. */
function counted(bytes: Buffer): { source: ByteSource; readonly readBytes: number; readonly open: number } {
  let readBytes = 0
  let open = 0
  const inner = bytesSource(bytes)
  return {
    get readBytes() {
      return readBytes
    },
    get open() {
      return open
    },
    source: {
      sizeBytes: bytes.length,
      open(options: OpenSourceOptions = {}) {
        const range = options.range ?? { start: 0, endExclusive: bytes.length }
        readBytes += range.endExclusive - range.start
        open += 1
        return inner.open(options).once('close', () => {
          open -= 1
        })
      },
    },
  }
}

/** A source whose bytes never come. */
const silent = (sizeBytes: number): ByteSource => ({
  sizeBytes,
  open: ({ signal } = {}) => new Readable({ read() {}, ...(signal === undefined ? {} : { signal }) }),
})

const thread = (program: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${program}`)}`,
  )
/** Hangs for films, and answers for sounds. */
const HANGS = thread(
  "parentPort.on('message', (message) => { parentPort.postMessage({ type: 'begun' }); if (message.contentType === 'video/mp4') for (;;) {} ; parentPort.postMessage({ type: 'facts', facts: { durationMs: 1 } }) })",
)

async function using<T>(
  options: InspectorOptions,
  work: (inspector: ReturnType<typeof createInspectorWith>) => Promise<T>,
  url?: URL,
): Promise<T> {
  const inspector = createInspectorWith(options, url)
  try {
    return await work(inspector)
  } finally {
    await inspector.close()
    expect(inspector.threadCount, 'threads left').toBe(0)
  }
}

describe('what is read', () => {
  test('of a film of 64 MiB with its headers at the end: some KiB, and no stream stays open', async () => {
    const body = counted(film(64 * MiB))
    await using({}, async (inspector) => {
      expect(await inspector.inspect(of(body.source))).toEqual(FACTS)
    })
    expect(body.readBytes).toBeLessThan(256 * 1024)
    expect(body.open).toBe(0)
  })

  test('small and large bodies give the same facts, here and in a thread', async () => {
    const small = await picture(200, 100).jpeg().toBuffer()
    const large = await picture(200, 100).jpeg().toBuffer()
    const padded = Buffer.concat([large, Buffer.alloc(70_000)])
    await using({}, async (inspector) => {
      expect(await inspector.inspect(of(bytesSource(small), 'image/jpeg'))).toEqual({
        width: 200,
        height: 100,
      })
      expect(inspector.threadCount).toBe(0)
      expect(await inspector.inspect(of(bytesSource(padded), 'image/jpeg'))).toEqual({
        width: 200,
        height: 100,
      })
      expect(inspector.threadCount).toBe(1)
    })
  })

  test('nothing of what nobody looks into', async () => {
    const body = counted(Buffer.alloc(100))
    await using({}, async (inspector) => {
      expect(await inspector.inspect(of(body.source, 'text/plain'))).toEqual({})
    })
    expect(body.readBytes).toBe(0)
  })

  test('no more than a look may read', async () => {
    const body = counted(await picture(900, 900).png({ compressionLevel: 0 }).toBuffer())
    await using({ maxReadBytes: 131_072, secondOpinion: false }, async (inspector) => {
      await expect(inspector.inspect(of(body.source, 'image/png'))).rejects.toMatchObject({
        code: 'MEDIA_INVALID',
        reason: 'too-complex',
      })
    })
    expect(body.readBytes).toBeLessThanOrEqual(131_072)
  })
})

describe('many at once', () => {
  test('200 bodies are looked at by two threads, and none is refused', async () => {
    const body = bytesSource(film(MiB))
    await using({ secondOpinion: false }, async (inspector) => {
      const before = process.memoryUsage().rss
      const facts = await Promise.all(Array.from({ length: 200 }, () => inspector.inspect(of(body))))
      expect(new Set(facts.map((one) => JSON.stringify(one)))).toEqual(new Set([JSON.stringify(FACTS)]))
      expect(inspector.threadCount).toBe(2)
      expect(process.memoryUsage().rss - before, 'bytes more').toBeLessThan(192 * MiB)
    })
  })

  test('more than may wait are MEDIA_BUSY with a time, and the others go on', async () => {
    const body = bytesSource(film(MiB))
    await using({ maxConcurrent: 1, maxQueued: 2 }, async (inspector) => {
      const looks = Array.from({ length: 5 }, () => inspector.inspect(of(body)))
      const outcomes = await Promise.allSettled(looks)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
      for (const reason of refused)
        expect(reason).toMatchObject({
          code: 'MEDIA_BUSY',
          reason: 'too-many-inspections',
          retryAfterMs: expect.any(Number),
        })
      expect(refused).toHaveLength(2)
    })
  })
})

describe('looks that do not end', () => {
  test('a thread that hangs is ended in time and replaced, and those who wait are served', async () => {
    await using(
      { maxConcurrent: 1, timeoutMs: 300 },
      async (inspector) => {
        const hangs = inspector.inspect(of(bytesSource(film(MiB))))
        const waits = inspector.inspect(of(bytesSource(Buffer.alloc(MiB)), 'audio/wav'))
        await expect(hangs).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason: 'inspection-timeout' })
        await expect(waits).resolves.toEqual({ durationMs: 1 })
      },
      HANGS,
    )
  })

  test('a source that gives nothing is MEDIA_TIMEOUT, in a thread and without', async () => {
    await using({ timeoutMs: 200 }, async (inspector) => {
      for (const bytes of [1_000, MiB])
        await expect(inspector.inspect(of(silent(bytes)))).rejects.toMatchObject({
          code: 'MEDIA_TIMEOUT',
          reason: 'inspection-source-slow',
        })
    })
  })

  test('a thread that dies of a body refuses that body, and the next is looked at by another', async () => {
    const dies = thread(
      "parentPort.on('message', (message) => { if (message.contentType === 'video/mp4') process.exit(1); parentPort.postMessage({ type: 'facts', facts: {} }) })",
    )
    await using(
      { maxConcurrent: 1 },
      async (inspector) => {
        const look = inspector.inspect(of(bytesSource(film(MiB))))
        await expect(look).rejects.toMatchObject({ code: 'MEDIA_INVALID', reason: 'inspection-failed' })
        await expect(inspector.inspect(of(bytesSource(Buffer.alloc(MiB)), 'audio/wav'))).resolves.toEqual({})
      },
      dies,
    )
  })

  test('a thread that takes memory without end is ended', async () => {
    const grows = thread(
      "parentPort.on('message', () => { const kept = []; for (;;) kept.push(new Array(1000).fill(kept.length)) })",
    )
    await using(
      {},
      async (inspector) => {
        await expect(inspector.inspect(of(bytesSource(film(MiB))))).rejects.toMatchObject({
          code: 'MEDIA_INVALID',
          reason: 'inspection-failed',
        })
      },
      grows,
    )
  })

  test('a program of threads that is not there is MEDIA_UNAVAILABLE', async () => {
    await using(
      {},
      async (inspector) => {
        await expect(inspector.inspect(of(bytesSource(film(MiB))))).rejects.toMatchObject({
          code: 'MEDIA_UNAVAILABLE',
          reason: 'inspector-not-there',
        })
      },
      new URL('./no-such-worker.js', import.meta.url),
    )
  })
})

describe('whoever ends a look', () => {
  test('the reason of the signal passes through, before, while it waits and while it reads', async () => {
    await using({ maxConcurrent: 1 }, async (inspector) => {
      const reason = new Error('no longer wanted')
      await expect(inspector.inspect(of(silent(MiB), 'video/mp4', AbortSignal.abort(reason)))).rejects.toBe(
        reason,
      )
      const [reads, waits] = [new AbortController(), new AbortController()]
      const looks = [
        inspector.inspect(of(silent(MiB), 'video/mp4', reads.signal)),
        inspector.inspect(of(silent(MiB), 'video/mp4', waits.signal)),
      ]
      waits.abort(reason)
      await expect(looks[1]).rejects.toBe(reason)
      reads.abort(reason)
      await expect(looks[0]).rejects.toBe(reason)
      expect(await inspector.inspect(of(bytesSource(film(MiB))))).toEqual(FACTS)
    })
  })

  test('what the source throws passes through, in a thread and without', async () => {
    const broken = new Error('disk on fire')
    const source = (sizeBytes: number): ByteSource => ({
      sizeBytes,
      open: () =>
        new Readable({
          read() {
            this.destroy(broken)
          },
        }),
    })
    await using({}, async (inspector) => {
      for (const bytes of [1_000, MiB])
        await expect(inspector.inspect(of(source(bytes)))).rejects.toBe(broken)
      expect(await inspector.inspect(of(bytesSource(film(MiB))))).toEqual(FACTS)
    })
  })

  test('a source that gives fewer bytes than its length is MEDIA_UNAVAILABLE', async () => {
    const source: ByteSource = {
      sizeBytes: 1_000,
      open: () => Readable.from([Buffer.alloc(9)], { objectMode: false }),
    }
    await using({}, async (inspector) => {
      await expect(inspector.inspect(of(source))).rejects.toMatchObject({
        code: 'MEDIA_UNAVAILABLE',
        reason: 'source-cut-off',
      })
    })
  })

  test('close ends what is under way and what waits with MEDIA_CLOSED, and later calls', async () => {
    const inspector = createInspectorWith({ maxConcurrent: 1 })
    const looks = [1, 2].map(() => inspector.inspect(of(silent(MiB))))
    const ended = Promise.allSettled(looks)
    await inspector.close()
    expect(await ended).toMatchObject([
      { reason: { code: 'MEDIA_CLOSED' } },
      { reason: { code: 'MEDIA_CLOSED' } },
    ])
    await expect(inspector.inspect(of(silent(1)))).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    expect(inspector.threadCount).toBe(0)
  })

  test('a thread that has nothing to do goes after a while', async () => {
    await using({ idleMs: 20 }, async (inspector) => {
      await inspector.inspect(of(bytesSource(film(MiB))))
      await expect.poll(() => inspector.threadCount).toBe(0)
      expect(await inspector.inspect(of(bytesSource(film(MiB))))).toEqual(FACTS)
    })
  })
})

describe('bodies of no known type', () => {
  const opaque = (head: string): Buffer => Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(MiB, 7)])
  const told = (source: ByteSource, bytes: Buffer): InspectInput => ({
    ...of(source, 'application/octet-stream'),
    policy: { match: '*', archives: {} },
    head: bytes.subarray(0, 16),
  })

  test('inspect() reads nothing and starts no thread where the first bytes tell that there is nothing to look into', async () => {
    const bytes = opaque('none')
    const body = counted(bytes)
    await using({}, async (inspector) => {
      expect(await inspector.inspect(told(body.source, bytes))).toEqual({})
      expect([body.readBytes, inspector.threadCount]).toEqual([0, 0])
    })
  })

  test('inspect() looks into a large body that begins as an archive, whatever it was declared to be', async () => {
    const bytes = opaque('PK\u0003\u0004')
    await using({}, async (inspector) => {
      await expect(inspector.inspect(told(counted(bytes).source, bytes))).rejects.toMatchObject({
        reason: 'invalid-archive',
      })
    })
  })
})
