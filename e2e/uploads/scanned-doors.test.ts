import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clamavScanner } from '@mediakeep/adapters/clamav'
import { s3Store } from '@mediakeep/adapters/s3'
import { type MediaEvent, type MediaStore } from '@mediakeep/core'
import { continueOnRead, mediaRouter, ownersOnly } from '@mediakeep/express'
import { openMediaStore } from 'mediakeep'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClamdServer, eicar, missingClamdReason, startClamd } from '../../scripts/clamd.mjs'
import { type ObjectServer } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'
import { makeBucket, sdkOf, startServer } from '../s3/servers.ts'

/**
 * One gate for all: the test file of scanners comes by every door, whole, in pieces, in an archive and straight to a bucket, and nobody
 * ever reads it.
 */
describeUnless(missingClamdReason(), 'a body in which clamd finds something', () => {
  let clamd: ClamdServer
  let minio: ObjectServer | undefined
  let folder: string
  let store: MediaStore
  let server: Server
  let base: string
  const events: MediaEvent[] = []

  beforeAll(async () => {
    clamd = await startClamd()
    minio = await startServer('minio')
    folder = await mkdtemp(join(tmpdir(), 'mediakeep-scanned-'))
    store = await openMediaStore(folder, {
      scanner: clamavScanner({ host: clamd.host, port: clamd.port }),
      policies: [{ match: '*', allowUnrecognised: true, archives: {} }],
      observer: (event) => events.push(event),
      upkeep: { intervalMs: 0 },
      ...(minio === undefined ? {} : { tiers: [{ name: 'disk' }, await bucketTier(minio)] }),
    })
    const access = ownersOnly({
      authenticate({ headers }) {
        const [, id] = /^as (\w+)$/.exec(headers.authorization ?? '') ?? []
        return id === undefined ? undefined : { id }
      },
    })
    const media = mediaRouter(store, { access, basePath: '/media' })
    server = createServer((request, response) => media(request, response))
    continueOnRead(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/media`
  })
  afterAll(async () => {
    server?.closeAllConnections()
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
    await store?.close()
    await clamd?.stop()
    await minio?.stop()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  async function bucketTier(at: ObjectServer): Promise<{ name: string; store: ReturnType<typeof s3Store> }> {
    const client = sdkOf(at)
    return { name: 'bucket', store: s3Store({ client, bucket: await makeBucket(client, 'scanned') }) }
  }
  interface Init {
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: NonNullable<RequestInit['body']>
  }
  const ask = (path: string, method: string, init: Init = {}, as = 'ann'): Promise<Response> =>
    fetch(path.startsWith('http') ? path : new URL(path, base), {
      method,
      ...init,
      headers: { authorization: `as ${as}`, ...init.headers },
    })
  const jsonOf = async (answer: Response): Promise<Record<string, string>> =>
    (await answer.json()) as Record<string, string>
  const wanted = (mode: string, bytes: Uint8Array): Init => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filename: 'note.txt', contentType: 'text/plain', sizeBytes: bytes.length, mode }),
  })

  /** Sends the bytes by a door; answers the id of the media. */
  const doors: Readonly<Record<string, (bytes: Buffer, as?: string) => Promise<string>>> = {
    async raw(bytes, as) {
      const answer = await ask(`${base}?filename=note.txt`, 'POST', { body: bytes }, as)
      expect(answer.status).toBe(201)
      return (await jsonOf(answer))['id'] ?? ''
    },
    async form(bytes) {
      const body = new FormData()
      body.set('file', new Blob([bytes], { type: 'text/plain' }), 'note.txt')
      const answer = await ask(base, 'POST', { body })
      expect(answer.status).toBe(201)
      return (await jsonOf(answer))['id'] ?? ''
    },
    async presigned(bytes) {
      const { url = '', mediaId = '' } = await jsonOf(
        await ask(`${base}/uploads`, 'POST', wanted('presigned', bytes)),
      )
      const sent = await fetch(new URL(url, base), {
        method: 'PUT',
        body: bytes,
        headers: { 'content-type': 'text/plain' },
      })
      expect(sent.status).toBe(201)
      return mediaId
    },
    async chunked(bytes) {
      const { url = '', mediaId = '' } = await jsonOf(
        await ask(`${base}/uploads`, 'POST', wanted('chunked', bytes)),
      )
      expect((await ask(`${url}/chunks/0`, 'PUT', { body: bytes })).status).toBe(200)
      expect((await ask(`${url}/complete`, 'POST')).status).toBe(201)
      return mediaId
    },
    async 'tus, byte by byte'(bytes) {
      const tus = { 'tus-resumable': '1.0.0' }
      const length = { 'upload-length': String(bytes.length) }
      const name = { 'upload-metadata': `filename ${Buffer.from('note.txt').toString('base64')}` }
      const made = await ask(`${base}/tus`, 'POST', { headers: { ...tus, ...length, ...name } })
      expect(made.status).toBe(201)
      const location = made.headers.get('location') ?? ''
      let last: Response | undefined
      for (let at = 0; at < bytes.length; at++) {
        last = await ask(location, 'PATCH', {
          headers: { ...tus, 'upload-offset': String(at), 'content-type': 'application/offset+octet-stream' },
          body: bytes.subarray(at, at + 1),
        })
        expect(last.status).toBe(204)
      }
      return last?.headers.get('content-location')?.split('/').at(-1) ?? ''
    },
    async 'straight to a bucket'(bytes) {
      if (minio === undefined) return doors['raw']?.(bytes) ?? ''
      const begun = await ask(`${base}/uploads`, 'POST', wanted('direct', bytes))
      const { url = '', mediaId = '', uploadId, headers } = (await begun.json()) as Record<string, string>
      const sent = await fetch(url, {
        method: 'PUT',
        body: bytes,
        headers: headers as unknown as Record<string, string>,
      })
      expect(sent.status).toBe(200)
      expect((await ask(`${base}/uploads/${uploadId}/complete`, 'POST')).status).toBe(201)
      return mediaId
    },
  }

  for (const [door, send] of Object.entries(doors)) {
    test(`2.10 ${door}: is never read by anybody, and is told of`, async () => {
      const bytes = Buffer.concat([eicar(), Buffer.from(` by ${door}`)])
      const id = await send(bytes)
      for (const path of ['content', 'download']) {
        const own = await ask(`${base}/${id}/${path}`, 'GET')
        expect([own.status, (await jsonOf(own))['code']]).toEqual([403, 'MEDIA_HELD'])
        const foreign = await ask(`${base}/${id}/${path}`, 'GET', {}, 'bob')
        const unknown = await ask(`${base}/0198c0de-0000-7000-8000-000000000000/${path}`, 'GET', {}, 'bob')
        expect([foreign.status, unknown.status]).toEqual([404, 404])
        expect((await jsonOf(foreign))['code']).toBe((await jsonOf(unknown))['code'])
      }
      expect(await store.availability(id)).toEqual({ state: 'held', reason: 'quarantined' })
      const digest = (await store.stat(id))?.digest
      expect(
        events.filter((event) => event.type === 'scan.verdict' && event.digest === digest),
      ).toMatchObject([{ verdict: 'infected' }])
      // The same bytes of somebody else by another door are known, and held as well.
      const again = await doors['raw']?.(bytes, 'bob')
      expect((await ask(`${base}/${again}/content`, 'GET', {}, 'bob')).status).toBe(403)
    })

    test(`2.10 ${door}: what is clean is served`, async () => {
      const bytes = Buffer.from(`a clean note by ${door}`)
      const answer = await ask(`${base}/${await send(bytes)}/content`, 'GET')
      expect([answer.status, await answer.text()]).toEqual([200, bytes.toString()])
    })
  }

  test('2.10 a scanner that is killed lets nothing in, and nothing is left', async () => {
    clamd.kill()
    const before = (await store.list()).items.length
    const answer = await ask(`${base}?filename=note.txt`, 'POST', {
      body: Buffer.from('nobody looks at this'),
    })
    expect([answer.status, (await jsonOf(answer))['code']]).toEqual([503, 'MEDIA_UNAVAILABLE'])
    expect((await store.list()).items.length).toBe(before)
    expect((await store.uploads.list()).length).toBe(0)
    expect(await readdir(join(folder, 'volume', 'staging'))).toEqual([])
  })
})
