import { createHash, randomBytes } from 'node:crypto'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openMediaStore } from 'mediakeep'
import type { Browser, BrowserContextOptions, Locator, Page, Request } from 'playwright-core'
import { expect } from 'vitest'
import { limitUploads, openPage, type WatchedPage } from '../quick-start/browser.ts'
import { type ExampleServer, startExample, temporaryData } from '../quick-start/example-server.ts'

const WORDS = { pause: 'Pause', resume: 'Resume', cancel: 'Cancel', choose: 'Choose file' } as const
const LONG_MS = 60_000
const SLOW_BYTES_PER_SECOND = 1024 * 1024

export type Door = 'tus' | 'chunked' | 'presigned' | 'direct'

export interface TestFile {
  readonly name: string
  readonly path: string
  /** Hexadecimal. */
  readonly digest: string
}

/** The example's server over a folder of its own, and its page. Ends with a failure when the browser complained. */
export interface PageStage extends AsyncDisposable {
  readonly page: Page
  readonly watched: WatchedPage
  readonly requests: readonly Request[]
  newFile(name: string, sizeBytes: number): Promise<TestFile>
  /** Chooses the door, and gives the page the file. */
  begin(door: Door, file: TestFile): Promise<void>
  press(act: keyof typeof WORDS, file: TestFile): Promise<void>
  row(file: TestFile): Locator
  percentOf(file: TestFile): Promise<number>
  /** Resolves when a part of it is sent, and by no means all: what is slowed stays so. */
  begun(file: TestFile): Promise<void>
  /** Lets a part of each upload through, and then next to nothing, until `hurry`. */
  slow(): Promise<void>
  hurry(): Promise<void>
  /** The page tells of it, and the server has the very bytes. */
  arrived(file: TestFile): Promise<void>
  /** `kill -9`, and the same port and folder again. */
  killAndRestart(): Promise<void>
  /** What the server still holds for uploads: reserved room, and files that are not the volume's own. */
  leftOver(): Promise<{ reservedBytes: number; written: readonly string[] }>
}

export interface PageStageOptions extends BrowserContextOptions {
  readonly env?: Record<string, string>
}

export async function openPageStage(
  browser: Browser,
  { env = {}, ...options }: PageStageOptions = {},
): Promise<PageStage> {
  const data = await temporaryData()
  const folder = join(data.path, 'media')
  let server: ExampleServer = await startExample({ data: folder, example: 'uploads', env })
  const watched = await openPage(browser, server.url, options, 'body[data-ready]')
  const { page } = watched
  const requests: Request[] = []
  page.on('request', (request) => requests.push(request))
  // From now on the browser asks the test for files; asked first when one is wanted, it may be too late.
  page.on('filechooser', () => {})

  let isSlow = false
  const held: (() => void)[] = []
  // Chunks are told of when they are there: the first may get there, the others wait.
  await page.route(/\/chunks\/[1-9]\d*$/, async (route) => {
    if (isSlow) await new Promise<void>((resolve) => held.push(resolve))
    // Given up by the page meanwhile, perhaps.
    await route.continue().catch(() => {})
  })

  const row = ({ name }: TestFile): Locator => page.locator('.upload', { hasText: name })
  const percentOf = (file: TestFile): Promise<number> =>
    row(file)
      .locator('progress')
      .evaluate((bar) => (bar as unknown as { value: number }).value)

  async function storedDigest(name: string): Promise<string | undefined> {
    const { items } = (await (await fetch(`${server.url}/media`)).json()) as {
      items: { id: string; filename: string }[]
    }
    const id = items.find(({ filename }) => filename === name)?.id
    if (id === undefined) return undefined
    const bytes = await (await fetch(`${server.url}/media/${id}/content`)).arrayBuffer()
    return createHash('sha256').update(new Uint8Array(bytes)).digest('hex')
  }

  return {
    page,
    watched,
    requests,
    async newFile(name, sizeBytes) {
      const bytes = randomBytes(sizeBytes)
      bytes.fill(0xee, 0, Math.min(16, sizeBytes)) // no type's beginning
      const path = join(data.path, name)
      await writeFile(path, bytes)
      return { name, path, digest: createHash('sha256').update(bytes).digest('hex') }
    },
    async begin(door, { path }) {
      await page.locator(`input[value=${door}]`).check()
      await page.setInputFiles('#files', path)
    },
    press: (act, { name }) => page.getByRole('button', { name: `${WORDS[act]} ${name}` }).click(),
    row,
    percentOf,
    begun: (file) =>
      row(file).locator('progress:not([value="0"])').waitFor({ state: 'attached', timeout: LONG_MS }),
    async slow() {
      isSlow = true
      await limitUploads(page, SLOW_BYTES_PER_SECOND)
    },
    async hurry() {
      isSlow = false
      for (const release of held.splice(0)) release()
      await limitUploads(page, 0)
    },
    async arrived(file) {
      const { name, digest } = file
      const arrival = page.locator('.arrival', { has: page.getByRole('link', { name, exact: true }) })
      await arrival.waitFor({ timeout: LONG_MS })
      expect(await arrival.getAttribute('data-digest')).toBe(`sha256:${digest}`)
      expect(await storedDigest(name)).toBe(digest)
      expect(await row(file).count()).toBe(0)
    },
    async killAndRestart() {
      const { port } = new URL(server.url)
      await server.stop('SIGKILL')
      server = await startExample({ data: folder, example: 'uploads', env, port })
    },
    async leftOver() {
      await using store = await openMediaStore(folder)
      const volumes = (await store.tiers.status()).flatMap((tier) => tier.volumes)
      const written: string[] = []
      for (const name of await readdir(join(folder, 'volume'), { recursive: true })) {
        const isOwn = name === 'mediakeep-volume.json' || name.startsWith('journal')
        if (!isOwn && (await stat(join(folder, 'volume', name))).isFile()) written.push(name)
      }
      return { reservedBytes: volumes.reduce((sum, volume) => sum + volume.reservedBytes, 0), written }
    },
    async [Symbol.asyncDispose]() {
      for (const release of held.splice(0)) release()
      await watched.context.close()
      await server.stop()
      await data.remove()
      expect(watched.complaints).toEqual([])
    },
  }
}
