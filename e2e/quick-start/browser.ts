import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { expect } from 'vitest'
import { findChromium, noBrowserReason } from './chromium.ts'

export { noBrowserReason }

/** Pictures of the page, outside the clone, for people to look at. */
const screenshotFolder = join(tmpdir(), 'mediakeep-screenshots')

export function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error(noBrowserReason)
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
    ],
  })
}

export interface WatchedPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Everything a careful developer would see go wrong: console errors, exceptions, policy violations, failed requests. */
  readonly complaints: string[]
  /** Strikes complaints that the test itself provoked, those already made and those to come. */
  forgive(pattern: RegExp): void
  screenshot(name: string): Promise<void>
}

/** Expressions for the page are texts: the suite is checked without the browser's types, which Node's own would hide behind. */
export const focusedName = `document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent`
export const pageWidth = 'document.documentElement.scrollWidth'

/** Opens a page in a context of its own and listens to all that it complains about. @param ready there once the page is */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  ready = '#gallery[aria-busy=false]',
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(url).origin })
  const page = await context.newPage()
  const complaints: string[] = []
  const forgiven: RegExp[] = []
  const complain = (text: string): void => {
    if (!forgiven.some((pattern) => pattern.test(text))) complaints.push(text)
  }
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(message.text())
  })
  page.on('pageerror', (error) => complain(String(error)))
  page.on('requestfailed', (request) => {
    const failure = request.failure()?.errorText ?? ''
    // The page's own choice: a player has what it needs, a newer search makes an older one pointless, a reload ends all.
    if (failure === 'net::ERR_ABORTED' && request.method() === 'GET') return
    complain(`${failure} ${request.method()} ${request.url()}`)
  })
  await page.addInitScript({
    content: `document.addEventListener('securitypolicyviolation', (event) => {
      console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI)
    })`,
  })
  await page.goto(url)
  await page.locator(ready).waitFor({ state: 'attached' })
  return {
    page,
    context,
    complaints,
    forgive(pattern) {
      // The browser tells of a failure when it likes: the words may still be on their way.
      forgiven.push(pattern)
      for (const [index, text] of [...complaints.entries()].reverse()) {
        if (pattern.test(text)) complaints.splice(index, 1)
      }
    },
    async screenshot(name) {
      await mkdir(screenshotFolder, { recursive: true })
      await page.screenshot({ path: join(screenshotFolder, `${name}.png`) })
    },
  }
}

/** Drops real files or folders on the page, as a file manager does. */
export async function dropPaths(page: Page, paths: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const data = { items: [], files: paths, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 400, y: 200, data })
  }
  await session.detach()
}

/** Lets uploads go at this rate only, so that there is progress to see. 0 takes the limit away. */
export async function limitUploads(page: Page, bytesPerSecond: number): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond === 0 ? -1 : bytesPerSecond,
  })
}

export const card = (page: Page, filename: string) =>
  page.locator('.card', { has: page.getByRole('button', { name: filename, exact: true }) })

/** Waits until this many uploads of the list are done. */
export async function uploadsDone(page: Page, count: number): Promise<void> {
  await expect
    .poll(() => page.locator('.upload[data-state=done]').count(), { timeout: 20_000 })
    .toBeGreaterThanOrEqual(count)
}
