import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingEnvoyReason } from '../../scripts/envoy.mjs'
import { missingServer } from '../../scripts/lib/object-servers.mjs'
import { missingRedisReason } from '../../scripts/redis.mjs'
import { describeUnless } from '../describe-unless.ts'
import {
  focusedName,
  launchBrowser,
  noBrowserReason,
  openPage,
  pageWidth,
  type WatchedPage,
} from '../quick-start/browser.ts'
import { askHttp1 } from './client.ts'

const absent =
  missingEnvoyReason() ??
  missingRedisReason() ??
  missingServer('minio') ??
  missingServer('versitygw') ??
  noBrowserReason
const root = join(import.meta.dirname, '../..')

interface RunningExample {
  readonly child: ChildProcess
  output(): string
}

/** The one command, in a process group of its own as a terminal makes one. */
function spawnExample(env: Record<string, string>): RunningExample {
  const child = spawn(process.execPath, ['scripts/start.mjs', 'envoy-media-cache'], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  return { child, output: () => text }
}

function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0)
    return true
  } catch {
    return false
  }
}

describeUnless(absent, 'the example of Envoy, gate, Redis, cache and archive', () => {
  let scratch: string
  let example: RunningExample
  let base: string
  let port: number
  let browser: Browser
  const opened: WatchedPage[] = []
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'mediakeep-example-test-'))
    example = spawnExample({ PORT: '0', TMPDIR: scratch })
    const { child, output } = example
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', () => output().includes('Ctrl-C') && resolve())
      child.once('exit', (code) => reject(new Error(`the example ended with ${code}:\n${output()}`)))
    })
    base = /The page: (http:\/\/127\.0\.0\.1:\d+)\/page\//.exec(output())?.[1] ?? ''
    port = Number(new URL(base).port)
    browser = await launchBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    const group = example?.child.pid ?? 0
    if (group > 0 && isGroupAlive(group)) process.kill(-group, 'SIGKILL')
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true, maxRetries: 5 })
  })
  const host = (): string => `127.0.0.1:${port}`
  const paidReads = async (): Promise<number> => {
    const { paid } = (await (await fetch(`${base}/page/pictures`)).json()) as { paid: { reads: number } }
    return paid.reads
  }
  async function open(colorScheme: 'light' | 'dark', width = 1280): Promise<WatchedPage> {
    const watched = await openPage(browser, `${base}/page/`, {
      colorScheme,
      viewport: { width, height: 860 },
    })
    // Browsers tell every 503, also that of a media that is loading.
    watched.forgive(/503/)
    // The client asks by HEAD, and hangs up once it knows.
    watched.forgive(/ERR_ABORTED HEAD/)
    opened.push(watched)
    return watched
  }
  const ready = (count: number) => async (page: WatchedPage['page']) => {
    const images = page.locator('#gallery img[data-media-state=ready]')
    await expect.poll(() => images.count(), { timeout: 60_000 }).toBe(count)
    for (const image of await images.all())
      await expect
        .poll(async () => image.evaluate((it) => (it as unknown as { naturalWidth: number }).naturalWidth), {
          timeout: 20_000,
        })
        .toBe(720)
  }

  it('tells in the terminal how media go from loading to ready, at one paid read each for all who asked', () => {
    for (const name of ['dawn', 'morning', 'noon'])
      expect(example.output()).toMatch(
        new RegExp(`${name} +loading \\(503, retry after \\d+ s\\)[^]*${name} +ready from the cache \\(200`),
      )
    expect(example.output()).toContain('12 clients, 3 pictures: 3 paid reads of the archive')
    expect(example.output()).not.toMatch(/warning|error/i)
  })

  it('serves media that are asked for often from Envoy itself', async () => {
    const ask = () => askHttp1(port, '/media/k/pictures/dawn.png', { host: host() })
    // An age that grows: what is asked of the bucket again each time has none, or 0.
    await expect
      .poll(async () => Number((await ask()).headers['age'] ?? 0), { timeout: 20_000 })
      .toBeGreaterThan(1)
    const hit = await ask()
    expect([hit.status, hit.headers['content-type'], hit.headers['x-media-state']]).toEqual([
      200,
      'image/png',
      'ready',
    ])
  })

  it('lets through what the gate allows and the page, and nothing else', async () => {
    const ask = async (target: string, headers: readonly string[] = [], method = 'GET') =>
      (await askHttp1(port, target, { host: host(), headers, method })).status
    expect(await ask('/media/k/pictures/none.png')).toBe(404)
    expect(await ask('/media/k/pictures/dawn.png', [], 'DELETE')).toBe(405)
    expect(await ask('/media', [], 'POST')).toBe(405)
    for (const target of ['/media', '/media/objects/', '/page/../media', '/', '/healthz'])
      expect(await ask(target), target).toBeOneOf([400, 404])
    expect(await ask('/page/../media/objects/', ['x-media-origin: cache'])).toBeOneOf([400, 404])
    expect(await ask('/page/', ['x-media-origin: cache'])).toBe(200)
  })

  it('shows placeholders and then all pictures in the page, and new ones by the keyboard', async () => {
    const watched = await open('light')
    const { page } = watched
    await ready(6)(page)
    for (const key of ['Tab', 'Enter']) await page.keyboard.press(key)
    expect(await page.evaluate(focusedName)).toBe('Put another picture into the archive')
    const added = page.locator('#gallery li').nth(6)
    await expect.poll(() => added.locator('.state').textContent(), { timeout: 30_000 }).toBe('loading')
    expect(await added.locator('img').getAttribute('src')).toBe('placeholder.svg')
    await watched.screenshot('envoy-media-cache-loading')
    await ready(7)(page)
    await watched.screenshot('envoy-media-cache-light')
    const narrow = await open('dark', 375)
    await ready(7)(narrow.page)
    expect(await narrow.page.evaluate(pageWidth)).toBe(375)
    await narrow.screenshot('envoy-media-cache-dark-narrow')
    expect(opened.flatMap(({ complaints }) => complaints)).toEqual([])
  })

  it('paid one read of the archive for each picture, whoever asked how often', async () => {
    const [{ page } = await open('light')] = opened
    // The last one: what was read before it is in the ledger before it.
    await page.getByRole('button', { name: 'Put another picture' }).click()
    await ready(8)(page)
    await expect.poll(paidReads, { timeout: 30_000 }).toBeGreaterThanOrEqual(8)
    expect(await paidReads()).toBe(8)
    await expect.poll(() => page.locator('#reads').textContent(), { timeout: 20_000 }).toBe('8')
  })

  it('ends everything at Ctrl-C: no process, no folder', async () => {
    const { child } = example
    const group = child.pid ?? 0
    const ended = once(child, 'exit')
    // By the terminal to all of the group, and by npm to its child once more.
    process.kill(-group, 'SIGINT')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    await expect.poll(() => isGroupAlive(group), { timeout: 20_000 }).toBe(false)
    expect(await readdir(scratch)).toEqual([])
  })
})

describe('the example where its servers are not installed', () => {
  it('says what is missing and how to install it, and starts nothing', async () => {
    const nowhere = join(tmpdir(), 'mediakeep-no-such-folder')
    const { child, output } = spawnExample({ PATH: nowhere, XDG_CACHE_HOME: nowhere, GOBIN: nowhere })
    expect((await once(child, 'close'))[0]).toBe(2)
    for (const name of ['Envoy', 'Redis', 'minio', 'versitygw', 'node scripts/servers.mjs'])
      expect(output()).toContain(name)
  })
})
