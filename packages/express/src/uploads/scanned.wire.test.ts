import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { createKeyRing, createSigningKey, memoryCatalog, type Scanner } from '@mediakeep/core'
import { type FakeClock, fakeClock } from '@mediakeep/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import type { Answer } from '../wire.fixture.ts'
import {
  ANN,
  BOB,
  type Door,
  type DoorOptions,
  note,
  openDoor,
  refusal,
  textOf,
  wantedFor,
} from './uploads.fixture.ts'

const BODY = note('x'.repeat(100_000))

interface HeldScanner {
  readonly scanner: Scanner
  readonly looking: Promise<void>
  letGo(): void
  /** How many there were. */
  looks(): number
}

/** Holds every look until it is let go; then finds worms. */
function heldScanner(): HeldScanner {
  let looks = 0
  let began = (): void => {}
  let letGo = (): void => {}
  const looking = new Promise<void>((resolve) => {
    began = resolve
  })
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const scanner: Scanner = {
    name: 'words',
    async scan(source, { signal }) {
      looks += 1
      const isBad = (await buffer(source.open())).includes('worm')
      began()
      const ended = new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error))
      })
      await Promise.race([held, ended])
      const about = { engine: 'words', database: '1' }
      return isBad ? { verdict: 'infected', signature: 'worm', ...about } : { verdict: 'clean', ...about }
    },
    close: async () => {},
  }
  return { scanner, looking, letGo, looks: () => looks }
}

/** Status of an answer; `waits` after time for several tries went by without one. */
async function waits(clock: FakeClock, answer: Promise<Answer>): Promise<number | 'waits'> {
  for (let tries = 0; tries < 5; tries++) {
    clock.advance(200)
    const next = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))
    const come = await Promise.race([answer, next])
    if (come !== undefined) return come.status
  }
  return 'waits'
}

let door: Door | undefined
let letGo: (() => void) | undefined
afterEach(async () => {
  letGo?.()
  await door?.close()
  door = undefined
})

interface Begun {
  readonly url: string
  readonly path: string
  readonly mediaId: string
}

async function open(media: NonNullable<DoorOptions['media']>, body = BODY): Promise<Door & { begun: Begun }> {
  const keys = createKeyRing([createSigningKey('one')])
  door = await openDoor({ media: { keys, ...media } })
  const answer = await door.begin(wantedFor(body))
  const url = textOf(answer, 'url')
  return {
    ...door,
    begun: { url, path: url.split('?')[0] ?? '', mediaId: textOf(answer, 'mediaId') },
  }
}

const show = async ({ wire, begun }: Door & { begun: Begun }): Promise<readonly [unknown, unknown]> => {
  const session = await wire.ask(begun.path, { headers: ANN })
  const status = await wire.ask(`/media/${begun.mediaId}/status`, { headers: ANN })
  return [session.json['state'], status.status === 200 ? status.json['state'] : status.status]
}
const put = ({ wire, begun }: Door & { begun: Begun }, body = BODY): Promise<Answer> =>
  wire.ask(begun.url, { method: 'PUT', body })

describe('an upload that a scanner looks at before it is answered', () => {
  it('receives while its bytes come, and is told to be scanned only then, to its owner', async () => {
    const held = heldScanner()
    letGo = held.letGo
    const own = await open({ scanner: held.scanner })
    const socket = await own.wire.socket()
    const accepted = once(own.wire.server, 'request')
    socket.write(`PUT ${own.begun.url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`)
    socket.write(BODY.subarray(0, 50_000))
    await accepted
    const status = await own.wire.ask(`/media/${own.begun.mediaId}/status`, { headers: ANN })
    expect([status.status, status.json['state'], status.json['progress']]).toEqual([200, 'receiving', 0])
    socket.write(BODY.subarray(50_000))
    await held.looking
    await expect.poll(() => show(own)).toEqual(['scanning', 'scanning'])
    const bobs = await own.wire.ask(`/media/${own.begun.mediaId}/status`, { headers: BOB })
    expect(bobs.status).toBe(404)
    held.letGo()
    await expect.poll(() => show(own)).toEqual(['active', 'active'])
    socket.destroy()
  })

  it('is ended by nobody who asks how far it is, or sends it again, however long a look takes', async () => {
    const held = heldScanner()
    letGo = held.letGo
    const clock = fakeClock(Date.now())
    const own = await open({ scanner: held.scanner, clock, catalog: memoryCatalog({ clock }) })
    const sent = put(own)
    await held.looking
    clock.advance(5_000)
    expect(await show(own)).toEqual(['scanning', 'scanning'])
    const again = put(own)
    await expect.poll(() => waits(clock, again)).toBe('waits')
    held.letGo()
    expect((await sent).status).toBe(201)
    await expect.poll(() => waits(clock, again)).toBe(409)
    expect(refusal(await again)).toEqual([409, 'MEDIA_CONFLICT', 'upload-completed'])
  })

  it('is completed once, though its sender comes again while a look takes long', async () => {
    const held = heldScanner()
    letGo = held.letGo
    const clock = fakeClock(Date.now())
    const { wire, begin } = await open({ scanner: held.scanner, clock, catalog: memoryCatalog({ clock }) })
    const url = textOf(await begin(wantedFor(BODY, { mode: 'chunked' })), 'url')
    await wire.ask(`${url}/chunks/0`, { method: 'PUT', body: BODY, headers: ANN })
    const timers = clock.pendingTimers
    const complete = (): Promise<Answer> => wire.ask(`${url}/complete`, { method: 'POST', headers: ANN })
    const first = complete()
    await held.looking
    clock.advance(5_000)
    expect((await wire.ask(url, { headers: ANN })).json['state']).toBe('scanning')
    const second = complete()
    await expect.poll(() => waits(clock, second)).toBe('waits')
    held.letGo()
    expect((await first).status).toBe(201)
    expect((await second).status).toBe(201)
    expect((await second).id).toBe((await first).id)
    // Nor does a wait leave a timer, or with it a listener, behind.
    expect(clock.pendingTimers).toBe(timers)
    expect(held.looks()).toBe(1)
  })

  it('is told to have ended when it is taken back while it is looked at', async () => {
    const held = heldScanner()
    letGo = held.letGo
    const own = await open({ scanner: held.scanner })
    const sent = put(own)
    await held.looking
    const taken = own.wire.ask(own.begun.path, { method: 'DELETE', headers: ANN })
    expect(refusal(await sent)).toEqual([410, 'MEDIA_GONE', 'upload-ended'])
    expect((await taken).status).toBe(204)
    await own.expectNothing()
  })

  it('goes on receiving though its sender pauses, whoever asks how far it is', async () => {
    const clock = fakeClock(Date.now())
    const own = await open({ clock, catalog: memoryCatalog({ clock }) })
    const socket = await own.wire.socket()
    const answered = text(socket)
    const accepted = once(own.wire.server, 'request')
    socket.write(
      `PUT ${own.begun.url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${BODY.length}\r\n\r\n`,
    )
    socket.write(BODY.subarray(0, 50_000))
    await accepted
    for (let asked = 0; asked < 10; asked++) {
      clock.advance(3_000)
      expect((await own.wire.ask(own.begun.path, { headers: ANN })).status).toBe(200)
    }
    socket.write(BODY.subarray(50_000))
    expect(await answered).toContain('HTTP/1.1 201 ')
  })

  it('takes its body again after a process ended while it looked', async () => {
    const held = heldScanner()
    held.letGo()
    const catalog = memoryCatalog()
    const own = await open({ scanner: held.scanner, catalog })
    const { id, fence } = await catalog.claimSession(own.begun.mediaId, { leaseMs: 30 })
    await catalog.extendSession({ id, fence }, { leaseMs: 30, state: 'scanning' })
    expect(await show(own)).toEqual(['scanning', 'scanning'])
    expect((await put(own)).status).toBe(201)
    expect(refusal(await put(own))).toEqual([409, 'MEDIA_CONFLICT', 'upload-completed'])
  })
})

describe('an upload that is answered before a scanner looked', () => {
  it.each([
    ['clean', BODY, 'active'],
    ['infected', note('a worm'), 'quarantined'],
  ] as const)('becomes what was found when bytes are %s', async (_, body, state) => {
    const held = heldScanner()
    letGo = held.letGo
    const own = await open({ scanner: held.scanner, scanning: { mode: 'async' } }, body)
    expect((await put(own, body)).json['state']).toBe('pending')
    expect(await show(own)).toEqual(['scanning', 'scanning'])
    held.letGo()
    await expect.poll(() => show(own)).toEqual([state, state])
  })

  it('is given up with its media, where that is deleted before', async () => {
    const held = heldScanner()
    letGo = held.letGo
    const own = await open({ scanner: held.scanner, scanning: { mode: 'async' } })
    expect((await put(own)).status).toBe(201)
    await own.wire.ask(`/media/${own.begun.mediaId}`, { method: 'DELETE', headers: ANN })
    expect(await show(own)).toEqual(['aborted', 404])
    expect(refusal(await put(own))).toEqual([410, 'MEDIA_GONE', 'upload-ended'])
  })
})
