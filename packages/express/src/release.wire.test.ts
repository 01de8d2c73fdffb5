import { buffer } from 'node:stream/consumers'
import type { Scanner } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ANN, type Door, digestField, note, openDoor, refusal } from './uploads/uploads.fixture.ts'

const ADMIN = { authorization: 'as !admin' }
const [GOOD, BAD, WORSE] = [note('nothing'), note('a worm'), note('a worse worm')]

const scanner: Scanner = {
  name: 'words',
  async scan(source) {
    const about = { engine: 'words', database: '1' }
    const text = (await buffer(source.open())).toString()
    return text.includes('worm')
      ? { verdict: 'infected', signature: 'worm', ...about }
      : { verdict: 'clean', ...about }
  },
  close: async () => {},
}

let door: Door
beforeEach(async () => {
  door = await openDoor({ media: { scanner } })
})
afterEach(() => door.close())

const release = (id: string, query = '', headers = ADMIN): ReturnType<Door['wire']['ask']> =>
  door.wire.ask(`/media/${id}/release${query}`, { method: 'POST', headers })
const contentOf = async (id: string): Promise<string> =>
  (await door.wire.ask(`/media/${id}/content`, { headers: ANN })).body.toString()

test('2.10-19 only an admin lets out what is held, and it serves then', async () => {
  const { id } = await door.store.put(BAD, { owner: 'ann' })
  expect(refusal(await release(id, '', ANN))[0]).toBe(403)
  const released = await release(id)
  expect([released.status, released.json['state']]).toEqual([200, 'active'])
  expect(await contentOf(id)).toBe(BAD.toString())
  expect(refusal(await release(id))).toEqual([409, 'MEDIA_CONFLICT', 'not-held'])
})

test('a replacement that is held behind what serves is let out, the one that was named of several', async () => {
  const { id } = await door.store.put(GOOD, { owner: 'ann' })
  for (const body of [BAD, WORSE]) await door.store.put(body, { at: id, owner: 'ann' })
  expect(await contentOf(id)).toBe(GOOD.toString())
  expect(refusal(await release(id, '?digest=none'))).toEqual([400, 'MEDIA_BAD_INPUT', 'bad-digest'])
  const digest = `sha256:${Buffer.from(digestField(BAD).slice(9, -1), 'base64').toString('hex')}`
  expect((await release(id, `?digest=${digest}`)).status).toBe(200)
  expect(await contentOf(id)).toBe(BAD.toString())
  expect((await release(id)).status).toBe(200)
  expect(await contentOf(id)).toBe(WORSE.toString())
})
