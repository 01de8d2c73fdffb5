import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { type MediaServer, startMediaServer } from './media-server.ts'

interface AttachedAs {
  readonly tag?: string
  readonly url?: string
  readonly attributes?: string
  /** Of `attachMedia`, as text. */
  readonly options?: string
}

/** A page with the client in it, and the server it asks: each test has its own, so that many can wait at once. */
export interface Stage {
  readonly server: MediaServer
  readonly page: Page
  /** What the page threw and did not catch. The test takes out what it provoked; `close` fails on the rest. */
  readonly exceptions: string[]
  /** Puts an element with this id into the page and attaches it. How to stop stands in the page's `stops`. */
  attach(name: string, as?: AttachedAs): Promise<void>
  states(name: string): Promise<string[]>
  reached(name: string, state: string): Promise<void>
  shows(name: string): Promise<{ src: string | null; width: number; busy: string | null }>
  /** So many seconds and more go by: a media that loads for so long becomes ready, also where no element may ask. */
  pass(seconds: number): Promise<void>
  screenshot(name: string): Promise<void>
  close(): Promise<void>
}

export async function openStage(browser: Browser): Promise<Stage> {
  const server = await startMediaServer()
  const context = await browser.newContext({ viewport: { width: 900, height: 600 } })
  const page = await context.newPage()
  const exceptions: string[] = []
  page.on('pageerror', (error) => exceptions.push(String(error)))
  await page.goto(server.url)
  await page.waitForFunction('globalThis.client')

  return {
    server,
    page,
    exceptions,
    async attach(name, as = {}) {
      const { tag = 'img', url = `/media/${name}`, attributes = '' } = as
      const { options = `placeholder: '/placeholder.svg'` } = as
      await page.evaluate(`{
        globalThis.states ??= {}
        globalThis.stops ??= {}
        document.querySelector('main').insertAdjacentHTML('beforeend', '<${tag} id="${name}" ${attributes}></${tag}>')
        const element = document.getElementById('${name}')
        states['${name}'] = []
        stops['${name}'] = client.attachMedia(element, '${url}', { onState: (state) => states['${name}'].push(state), ${options} })
      }`)
    },
    states: (name) => page.evaluate(`states['${name}']`),
    reached: (name, state) =>
      page.locator(`[id="${name}"][data-media-state=${state}]`).waitFor({ state: 'attached' }),
    shows: (name) =>
      page.evaluate(`{
        const element = document.getElementById('${name}')
        ;({ src: element.getAttribute('src'), width: element.naturalWidth ?? element.videoWidth, busy: element.ariaBusy })
      }`),
    async pass(seconds) {
      server.media.set('clock', { notReady: seconds })
      const status = await page.evaluate(`client.whenReady('/media/clock').then(({ status }) => status)`)
      if (status !== 200) throw new Error(`the clock answered ${String(status)}`)
    },
    async screenshot(name) {
      const folder = join(tmpdir(), 'mediakeep-screenshots')
      await mkdir(folder, { recursive: true })
      await page.screenshot({ path: join(folder, `${name}.png`) })
    },
    async close() {
      await context.close()
      await server.close()
      if (exceptions.length > 0) throw new Error(`the page threw:\n${exceptions.join('\n')}`)
    },
  }
}
