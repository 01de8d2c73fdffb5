import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Answer } from '../wire.fixture.ts'
import { ANN, BOB, type Door, note, openDoor, refusal, textOf, wantedFor } from './uploads.fixture.ts'

const S3 = '/media/uploads/s3'
let door: Door
beforeEach(async () => {
  door = await openDoor()
})
afterEach(() => door.close())

const ask = (method: string, path: string, body?: object, who: object = ANN): Promise<Answer> =>
  door.wire.ask(`${S3}${path}`, {
    method,
    headers: { ...who, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

// What a bucket has to do with it is tried on real ones, in e2e/uploads/bucket.test.ts.
describe('uploads as a Companion takes them', () => {
  it('are refused where no bucket signs addresses, and begin nothing', async () => {
    for (const answer of [
      await ask('POST', '/multipart', { filename: 'a.txt', type: 'text/plain' }),
      await ask('GET', '/params?filename=a.txt&type=text/plain'),
    ])
      expect(refusal(answer)).toEqual([501, 'MEDIA_UNSUPPORTED', 'direct-unsupported'])
    await door.expectNothing()
  })

  it('ask for the right to create before they read anything', async () => {
    const unread = await ask('POST', '/multipart', { filename: '' }, {})
    expect(refusal(unread)).toEqual([401, 'MEDIA_UNAUTHENTICATED', 'credentials-required'])
    expect((await ask('GET', '/params', undefined, {})).status).toBe(401)
  })

  it.each([
    ['a name that is none', { filename: 7 }],
    ['an empty name', { filename: '' }],
    ['metadata that are no object', { filename: 'a', metadata: 'a' }],
    ['a key that is none', { filename: 'a', metadata: { key: '../a' } }],
    ['a malformed type', { filename: 'a', type: 'image' }],
    ['a length that is none', { filename: 'a', metadata: { sizeBytes: '1 MB' } }],
    ['a digest that nobody could compare', { filename: 'a', metadata: { sha256: 'A'.repeat(64) } }],
  ])('refuse %s', async (_, wanted) => {
    const answer = await ask('POST', '/multipart', wanted)
    expect([answer.status, answer.json['code']]).toEqual([400, 'MEDIA_BAD_INPUT'])
  })

  it('have these methods at these addresses and no others', async () => {
    const { uploadId } = (await door.begin(wantedFor(note('s3')))).json
    const allowed = async (path: string): Promise<unknown> => (await ask('PATCH', path)).headers['allow']
    expect(await allowed('/params')).toBe('GET')
    expect(await allowed('/multipart')).toBe('POST')
    expect(await allowed(`/multipart/${String(uploadId)}`)).toBe('GET, DELETE')
    for (const last of ['batch', '1']) expect(await allowed(`/multipart/x/${last}`)).toBe('GET')
    expect(await allowed('/multipart/x/complete')).toBe('POST')
    for (const path of ['/multipart/x/0', '/multipart/x/01', '/multipart/x/1/2', '/other', '/', '/sts'])
      expect((await ask('GET', path)).status, path).toBe(404)
  })

  it('have no parts where they take their bytes in another way, and none for others', async () => {
    const id = textOf(await door.begin(wantedFor(note('s3'))), 'uploadId')
    const at = `/multipart/${id}`
    expect(refusal(await ask('GET', at))).toEqual([409, 'MEDIA_CONFLICT', 'other-door'])
    expect(refusal(await ask('GET', `${at}/1`))).toEqual([409, 'MEDIA_CONFLICT', 'other-door'])
    expect(refusal(await ask('GET', `${at}/batch?partNumbers=1,x`))).toEqual([
      400,
      'MEDIA_BAD_INPUT',
      'bad-part',
    ])
    for (const [method, path] of [
      ['GET', at],
      ['DELETE', at],
      ['GET', `${at}/1`],
      ['POST', `${at}/complete`],
    ] as const)
      expect((await ask(method, path, undefined, BOB)).status).toBe(404)
    expect((await ask('POST', `${at}/complete`, { parts: [{ PartNumber: 0, ETag: 'a' }] })).status).toBe(400)
    expect(await door.store.uploads.list()).toHaveLength(1)
  })
})
