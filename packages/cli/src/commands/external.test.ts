import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bytesSource,
  type ImportProgress,
  type Media,
  memoryStore,
  type PlacementExplanation,
} from '@mediakeep/core'
import { objectRouter } from '@mediakeep/express'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Answer, runIn } from '../program.fixture.ts'

/** Each command opens the store anew; some tests are a dozen of them. */
vi.setConfig({ testTimeout: 60_000 })

const TOKEN = 'planted-token-4711'

let folder: string
let bucket: ReturnType<typeof memoryStore>
let server: Server
let port: number
/** Methods and paths of all requests. */
let asked: string[]
let said: string

/** Another instance, which knows us by a token. */
async function serve(): Promise<void> {
  const objects = objectRouter({
    buckets: { photos: bucket },
    basePath: '/objects',
    access: {
      authenticate: ({ headers }) => (headers.authorization === `Bearer ${TOKEN}` ? { id: 'us' } : undefined),
      authorize: ({ principal }) => principal !== undefined,
    },
  })
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    objects(request, response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
}

async function stop(): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-external-'))
  bucket = memoryStore({ name: 'photos' })
  asked = []
  said = ''
  port = 0
  await serve()
})
afterEach(async () => {
  await stop()
  await bucket.close()
  await rm(folder, { recursive: true, force: true })
  if (said.includes(TOKEN)) throw new Error('a secret was said')
})

async function mediakeep(env: Record<string, string>, ...args: readonly string[]): Promise<Answer> {
  const answer = await runIn(folder, args, { env })
  said += answer.out + answer.err
  return answer
}

describe('a bucket that is not ours', () => {
  const env = { MEDIAKEEP_TIER_PHOTOS_TOKEN: TOKEN }
  const url = (): string => `http://127.0.0.1:${port}/objects/photos`
  const put = async (key: string, text: string): Promise<void> => {
    await bucket.put(key, bytesSource(Buffer.from(text)))
  }
  const counts = ({ code, out }: Answer): ImportProgress => {
    expect(code).toBe(0)
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as ImportProgress
  }
  beforeEach(async () => {
    await put('a/one.txt', 'one')
    await put('b/two.txt', 'two')
    const tiers = [
      { name: 'disk' },
      { name: 'photos', url: url(), role: 'external', imports: { owner: 'ann' } },
    ]
    await writeFile(join(folder, 'mediakeep.config.json'), JSON.stringify({ tiers }))
  })

  it('is imported by its listing, read, followed by reconcile, collected and verified, and never changed', async () => {
    expect(counts(await mediakeep(env, 'import', url(), '--json'))).toMatchObject({
      listed: 2,
      registered: 2,
    })
    expect(asked.filter((each) => each.includes('.txt'))).toEqual([])
    expect((await mediakeep(env, 'import', url())).out).toContain(
      '2 objects, 6 B: 0 registered, 0 replaced, 2 unchanged',
    )
    const media = JSON.parse((await mediakeep(env, 'stat', 'key:a/one.txt', '--json')).out) as Media
    expect(media).toMatchObject({ owner: 'ann', visibility: 'private', filename: 'one.txt' })
    expect((await mediakeep(env, 'get', 'key:a/one.txt')).out).toBe('one')

    await bucket.delete('b/two.txt')
    await put('c/three.txt', 'three')
    await put('a/one.txt', 'another')
    const reconciled = counts(await mediakeep(env, 'reconcile', '--json'))
    expect(reconciled).toMatchObject({ registered: 1, replaced: 1, missing: 1, forgotten: 1 })
    expect((await mediakeep(env, 'reconcile', 'photos')).out).toContain('0 were not listed, 0 are forgotten')
    expect((await mediakeep(env, 'get', 'key:a/one.txt')).out).toBe('another')
    expect((await mediakeep(env, 'stat', 'key:b/two.txt')).code).toBe(1)

    await mediakeep(env, 'rm', 'key:c/three.txt')
    expect((await mediakeep(env, 'gc', '--grace', '0')).code).toBe(0)
    expect((await mediakeep(env, 'verify')).code).toBe(0)
    expect((await mediakeep(env, 'init')).code).toBe(0)
    expect(asked.filter((each) => !/^(GET|HEAD) /.test(each))).toEqual([])
    expect((await bucket.list()).objects.map(({ key }) => key)).toEqual(['a/one.txt', 'c/three.txt'])
  })

  it('must be a tier of the settings: what to add is told', async () => {
    const other = `http://127.0.0.1:${port}/objects/other`
    const refused = await mediakeep(env, 'import', other)
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain(`"url": "${other}", "role": "external"`)
    expect(await mediakeep(env, 'reconcile', 'disk')).toMatchObject({ code: 2 })
    expect(await mediakeep(env, 'import', url(), '--tag', 'a')).toMatchObject({ code: 2 })
    expect((await mediakeep({}, 'import', url())).code).toBe(1)
  })
})

describe('another instance by MEDIA_PROXY_URL', () => {
  it('is the first tier, keeps a volume there, and the folder takes what comes while it is away', async () => {
    const env = {
      MEDIA_PROXY_URL: `127.0.0.1:${port}/objects/photos`,
      MEDIA_PROXY_TOKEN: TOKEN,
      MEDIAKEEP_TIERING: '{"burst":{"holdMs":0}}',
    }
    const tierOf = async (key: string): Promise<string> => {
      const { out } = await mediakeep(env, 'tier', 'explain', `key:${key}`, '--json')
      return (JSON.parse(out) as PlacementExplanation).copies.map(({ tier }) => tier).join()
    }
    expect((await mediakeep(env, 'init')).code).toBe(0)
    for (const name of ['a', 'b']) await writeFile(join(folder, `${name}.txt`), `text of ${name}`)
    expect((await mediakeep(env, 'put', 'a.txt', '--key', 'a')).code).toBe(0)
    expect(await tierOf('a')).toBe('proxy')
    expect(await mediakeep(env, 'get', 'key:a')).toMatchObject({ out: 'text of a', err: '' })
    await stop()
    expect((await mediakeep(env, 'put', 'b.txt', '--key', 'b')).code).toBe(0)
    expect(await tierOf('b')).toBe('disk')
    expect((await mediakeep(env, 'get', 'key:b')).out).toBe('text of b')
    await serve()
    expect((await mediakeep(env, 'tier', 'apply')).code).toBe(0)
    expect(await tierOf('b')).toBe('proxy')
    expect((await mediakeep(env, 'get', 'key:b')).out).toBe('text of b')
    expect((await mediakeep(env, 'doctor', `http://127.0.0.1:${port}/objects/photos`)).code).toBe(0)
  })
})
