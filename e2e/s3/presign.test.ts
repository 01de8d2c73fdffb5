import { createHash } from 'node:crypto'
import { request } from 'node:http'
import type { SignedRequest } from '@mediakeep/core'
import { bytesSource } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { adapters } from './adapters.ts'
import { describeWith, startServer } from './servers.ts'
import { createStage, expectFailure, readAll } from './stage.ts'

const soon = (): Date => new Date(Date.now() + 60_000)
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

for (const serverName of ['minio', 'versitygw'] as const) {
  const server = await startServer(serverName)
  const stage = server === undefined ? undefined : createStage(server)
  for (const [name, openStore] of Object.entries(adapters)) {
    describeWith(server)(`${name}.presign() on ${serverName}`, () => {
      const set: NonNullable<typeof stage>['set'] = (...given) => {
        if (stage === undefined) throw new Error('no server')
        return stage.set(...given)
      }

      test('a signed GET gives the object as its parameters say, to whoever has the address', async () => {
        const { store } = await set(openStore)
        const key = 'a b/caf\u00e9 +%41.txt'
        await store.put(key, bytesSource(Buffer.from('the bytes')), { contentType: 'text/html' })
        const signed = await store.presign(key, {
          method: 'GET',
          expiresAt: soon(),
          response: {
            contentType: 'text/plain; charset=utf-8',
            disposition: 'attachment; filename="x y.txt"',
            cacheControl: 'private, max-age=60',
          },
        })
        const answer = await send(signed)
        expect(answer.body).toBe('the bytes')
        expect(answer.headers).toMatchObject({
          'content-type': 'text/plain; charset=utf-8',
          'content-disposition': 'attachment; filename="x y.txt"',
          'cache-control': 'private, max-age=60',
        })
        const other = new URL(signed.url)
        other.pathname += 'x'
        expect((await send({ ...signed, url: other })).status).toBe(403)
        expect((await send({ ...signed, method: 'DELETE' })).status).toBe(403)
        expect((await store.head(key))?.sizeBytes).toBe(9)
      })

      test('a signed HEAD tells the size and gives no body', async () => {
        const { store } = await set(openStore)
        await store.put('a', bytesSource(Buffer.from('the bytes')))
        const answer = await send(await store.presign('a', { method: 'HEAD', expiresAt: soon() }))
        expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([200, '9', ''])
      })

      test('a signed PUT takes a body that nothing was said of', async () => {
        const { store } = await set(openStore)
        await store.open()
        const signed = await store.presign('a', { method: 'PUT', expiresAt: soon() })
        expect((await send(signed, 'whatever')).status).toBe(200)
        expect((await readAll(store, 'a')).toString()).toBe('whatever')
      })

      test('an exact PUT takes those bytes, once, and no others', async () => {
        const { store } = await set(openStore)
        await store.open()
        const signed = await store.presign('exact', {
          method: 'PUT',
          expiresAt: soon(),
          exact: { sizeBytes: 5, sha256: sha256('right'), ifAbsent: true },
        })
        expect((await send(signed, 'wrong')).status).toBe(400)
        expect((await send({ ...signed, headers: {} }, 'wrong')).status).toBeGreaterThanOrEqual(400)
        const longer = { ...signed, headers: { ...signed.headers, 'content-length': '7' } }
        expect((await send(longer, 'righter')).status).toBeGreaterThanOrEqual(400)
        expect(await store.head('exact')).toBeUndefined()
        expect((await send(signed, 'right')).status).toBe(200)
        expect((await send(signed, 'right')).status).toBe(412)
        expect((await readAll(store, 'exact')).toString()).toBe('right')
      })

      test('a life of no time or of more than seven days is refused', async () => {
        const { store } = await set(openStore)
        for (const lifeMs of [-1000, 0, 8 * 24 * 60 * 60 * 1000]) {
          const signing = store.presign('a', { method: 'GET', expiresAt: new Date(Date.now() + lifeMs) })
          await expectFailure(signing, 'MEDIA_BAD_INPUT', 'not-signable')
        }
        const exact = { method: 'PUT', expiresAt: soon(), exact: { sha256: 'no digest' } } as const
        await expectFailure(store.presign('a', exact), 'MEDIA_BAD_INPUT', 'not-signable')
      })
    })
  }
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** By node:http: fetch would add headers and normalise others. */
function send({ method, url, headers }: SignedRequest, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = method === 'PUT' ? { 'content-length': String(Buffer.byteLength(body)) } : {}
    const sent = request(url, { method, headers: { ...length, ...headers }, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      )
      answer.once('error', reject)
    })
    sent.once('error', reject)
    sent.end(body)
  })
}
