import { KiB, memoryCatalog, systemClock } from '@mediakeep/core'
import { afterEach, describe, expect, it } from 'vitest'
import {
  ANN,
  BOB,
  type Door,
  type DoorOptions,
  note,
  openDoor,
  refusal,
  wantedFor,
} from './uploads.fixture.ts'

const BODY = note('limits')
const CHUNKED = { mode: 'chunked', chunkBytes: 256 * KiB }

const opened: Door[] = []
const open = async (options: DoorOptions): Promise<Door> => {
  const door = await openDoor(options)
  opened.push(door)
  return door
}
afterEach(async () => {
  for (const door of opened.splice(0)) await door.close()
})

describe('uploads that nobody ends', () => {
  it('2.13-06 are as many as an owner may have open, and then 429 until one of them ends', async () => {
    const door = await open({ media: { limits: { maxOpenUploads: 3 } } })
    const urls: string[] = []
    for (const mode of ['presigned', 'chunked', 'presigned']) {
      const { status, json } = await door.begin(wantedFor(BODY, { mode }))
      expect(status).toBe(201)
      urls.push(String(json['url']).replace(/\?.*/, ''))
    }
    const refused = await door.begin(wantedFor(BODY, CHUNKED))
    expect(refusal(refused)).toEqual([429, 'MEDIA_RATE_LIMITED', 'too-many-uploads'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    // What others have open is theirs.
    expect((await door.begin(wantedFor(BODY), BOB)).status).toBe(201)
    await door.wire.ask(String(urls[1]), { method: 'DELETE', headers: ANN })
    expect((await door.begin(wantedFor(BODY))).status).toBe(201)
  })

  it('2.13-07 are not kept alive by requests that bring nothing', async () => {
    let aheadMs = 0
    const clock = { now: () => Date.now() + aheadMs, after: systemClock.after }
    const door = await open({ media: { clock, catalog: memoryCatalog({ clock }) } })
    const { json } = await door.begin(wantedFor(BODY, CHUNKED))
    const url = String(json['url'])
    const expiresAt = async (): Promise<number> =>
      Date.parse(String((await door.wire.ask(url, { headers: ANN })).json['expiresAt']))
    const before = await expiresAt()
    aheadMs = 60_000
    for (const body of [Buffer.alloc(0), BODY.subarray(1)]) {
      const empty = await door.wire.ask(`${url}/chunks/0`, { method: 'PUT', body, headers: ANN })
      expect(empty.status).toBe(400)
    }
    expect(await expiresAt()).toBe(before)
    aheadMs = before - Date.now() + 1_000
    const late = await door.wire.ask(`${url}/chunks/0`, { method: 'PUT', body: BODY, headers: ANN })
    expect([404, 410]).toContain(late.status)
  })

  it('hold room and quota until they end, and no longer', async () => {
    const door = await open({ media: { limits: { ownerBytes: 2 * BODY.length } } })
    const [one, two] = [await door.begin(wantedFor(BODY)), await door.begin(wantedFor(BODY, CHUNKED))]
    expect([one.status, two.status]).toEqual([201, 201])
    const refused = await door.begin(wantedFor(BODY))
    expect([refused.status, refused.json['code']]).toEqual([507, 'MEDIA_QUOTA'])
    // The quota of one says nothing of another's.
    expect((await door.begin(wantedFor(BODY), BOB)).status).toBe(201)
    const path = `/media/uploads/${String(one.json['uploadId'])}`
    expect((await door.wire.ask(path, { method: 'DELETE', headers: ANN })).status).toBe(204)
    expect((await door.begin(wantedFor(BODY))).status).toBe(201)
  })

  it('2.12-14 never overshoot a quota, however many begin at once', async () => {
    const door = await open({ media: { limits: { ownerBytes: 3 * BODY.length } } })
    const answers = await Promise.all(Array.from({ length: 12 }, () => door.begin(wantedFor(BODY))))
    expect(answers.filter(({ status }) => status === 201).length).toBe(3)
    expect(answers.filter(({ status }) => status === 507).length).toBe(9)
  })
})

describe('senders that are slow', () => {
  it('2.13-02 of what they want get 408', async () => {
    const door = await open({ bodyRateWindowMs: 50 })
    const text = await door.wire.raw(
      'POST /media/uploads HTTP/1.1\r\nHost: a\r\nAuthorization: as ann\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{',
    )
    expect(text).toContain('HTTP/1.1 408 ')
  })

  it('and stop sending a presigned body give way to the next who sends it', async () => {
    const door = await open({})
    const { json } = await door.begin(wantedFor(BODY))
    const url = String(json['url'])
    const socket = await door.wire.socket()
    const asked = new Promise((resolve) => door.wire.server.once('request', resolve))
    socket.write(`PUT ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`)
    socket.write(BODY.subarray(0, 5))
    await asked
    const answer = await door.wire.ask(url, { method: 'PUT', body: BODY })
    expect(answer.status).toBe(201)
    socket.destroy()
    expect((await door.store.list()).items.length).toBe(1)
  })
})
