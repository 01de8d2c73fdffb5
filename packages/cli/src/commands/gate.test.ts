import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mediaRouter, openAccess } from '@mediakeep/express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openMediaStore } from '../open-media-store.ts'
import { NO_ENV, runIn } from '../program.fixture.ts'

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-gate-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

async function folderOf(): Promise<string> {
  const folder = await emptyFolder()
  await writeFile(join(folder, 'a.txt'), 'what is in it')
  expect(await runIn(folder, ['put', 'a.txt', '--key', 'a.txt', '--public'])).toMatchObject({ code: 0 })
  expect(await runIn(folder, ['put', 'a.txt', '--key', 'own.txt', '--owner', 'ann'])).toMatchObject({
    code: 0,
  })
  return folder
}

/** Starts a gate, does the work with its addresses, and stops it as Ctrl-C would. */
async function withGate(
  folder: string,
  args: readonly string[],
  work: (addresses: readonly string[]) => Promise<void>,
  env: typeof NO_ENV = NO_ENV,
  servers = 1,
): Promise<void> {
  let stop = (): void => {}
  const addresses: string[] = []
  let heard = (): void => {}
  const all = new Promise<void>((resolve) => {
    heard = resolve
  })
  const ended = runIn(folder, ['gate', '--json', ...args], {
    env,
    onStop(callback) {
      stop = callback
    },
    onOut(text) {
      for (const line of text.trim().split('\n'))
        addresses.push((JSON.parse(line) as { listening: string }).listening)
      if (addresses.length === servers) heard()
    },
  })
  await Promise.race([all, ended.then(({ err }) => Promise.reject(new Error(err)))])
  try {
    await work(addresses)
  } finally {
    stop()
  }
  expect(await ended).toMatchObject({ code: 0, err: '' })
}

const ask = async (address: string, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(address, { headers: { 'x-original-uri': path, 'x-original-method': 'GET', ...headers } })

describe('gate', () => {
  it('answers over HTTP from the configured catalog, and drains when it is stopped', async () => {
    const folder = await folderOf()
    await withGate(folder, ['--http-port', '0', '--proxy', 'nginx'], async ([address = '']) => {
      expect((await ask(address, '/media/k/a.txt')).headers.get('x-media-state')).toBe('ready')
      expect((await ask(address, '/media/k/own.txt')).headers.get('x-media-status')).toBe('404')
      expect((await ask(address, '/media/k/none.txt')).headers.get('x-media-status')).toBe('404')
    })
  })

  it('listens for gRPC and HTTP at once, and in place of a store', async () => {
    const folder = await folderOf()
    const ports = ['--port', '0', '--http-port', '0', '--fallback-port', '0']
    await withGate(
      folder,
      ports,
      async (addresses) => {
        expect(addresses).toHaveLength(3)
        const instead = await fetch(`${addresses[1]}/media/objects/ab/abcd`)
        expect(instead.status).toBe(503)
        expect(instead.headers.get('retry-after')).toBe('2')
        expect(await instead.json()).toMatchObject({ code: 'MEDIA_NOT_READY' })
      },
      NO_ENV,
      3,
    )
  })

  it('knows users by OAuth2 Proxy where the settings trust it', async () => {
    const folder = await folderOf()
    const env = {
      MEDIAKEEP_GATE: JSON.stringify({ identity: { trustedProxies: ['127.0.0.1'], trust: 'proxy' } }),
    }
    const work = async ([address = '']: readonly string[]): Promise<void> => {
      const state = async (headers: Record<string, string>): Promise<string | null> =>
        (await ask(address, '/media/k/own.txt', headers)).headers.get('x-media-state')
      expect(await state({ 'x-auth-request-user': 'ann' })).toBe('ready')
      expect(await state({ 'x-auth-request-user': 'bob' })).toBe('missing')
      expect(await state({})).toBe('missing')
    }
    await withGate(folder, ['--http-port', '0', '--proxy', 'nginx'], work, env)
  })

  it('asks a media service over HTTP in place of a catalog, and lets its signed addresses in', async () => {
    const folder = await folderOf()
    const store = await openMediaStore(join(folder, 'data'))
    const router = mediaRouter(store, { access: openAccess(), basePath: '/media' })
    const server = createServer((request, response) => {
      // Its token goes with what the gate asks.
      if (request.headers.authorization === 'Bearer token-of-tests') router(request, response)
      else response.writeHead(401).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await store.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/media`
    const env = {
      MEDIAKEEP_GATE: JSON.stringify({ decisionCache: { lookTimeoutMs: 10_000 } }),
      MEDIAKEEP_MEDIA_TOKEN: 'token-of-tests',
    }
    const signed = await runIn(folder, ['sign', 'key:own.txt'])
    const { pathname, search } = new URL(signed.out.trim())
    const work = async ([address = '']: readonly string[]): Promise<void> => {
      // On a busy machine the service may answer later than the gate waits: then it failed, and is asked again.
      const states = (path: string) =>
        expect.poll(async () => (await ask(address, path)).headers.get('x-media-state'), { timeout: 10_000 })
      await states('/media/k/a.txt').toBe('ready')
      await states('/media/k/own.txt').toBe('missing')
      await states(pathname + search).toBe('ready')
      expect((await ask(address, `${pathname}${search}x`)).headers.get('x-media-status')).toBe('403')
    }
    await withGate(folder, ['--http-port', '0', '--proxy', 'nginx', '--media-url', url], work, env)
  })

  it.each([
    [['gate', '--http-port', 'x'], {}, 'no port'],
    [['gate', '--proxy', 'apache'], {}, '--proxy'],
    [['gate'], { MEDIAKEEP_GATE: '{"upstreams":{"disk":{}}}' }, 'no tier at an s3: or minio: address'],
    [['gate'], { MEDIAKEEP_GATE: '{"nothing":1}' }, 'MEDIAKEEP_GATE'],
    [['gate'], { MEDIAKEEP_GATE: '{"basePath":"/a","keyPrefix":"/b/"}' }, 'one of them'],
    [['gate'], { MEDIAKEEP_GATE: '{"identity":{"trustedProxies":["x"]}}' }, 'trusted proxy'],
  ] as [string[], Record<string, string>, string][])('refuses %j with %j', async (args, env, said) => {
    const folder = await emptyFolder()
    expect(await runIn(folder, args, { env })).toMatchObject({ code: 2, err: expect.stringContaining(said) })
  })
})
