import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { fetchMedia } from '../../packages/client/src/fetch-media.ts'
import { fixtures, missingToolsReason } from '../../scripts/fixtures.mjs'
import { describeUnless } from '../describe-unless.ts'
import { launchBrowser, noBrowserReason } from '../quick-start/browser.ts'
import { type MediaServer, type SeenRequest, startMediaServer } from './media-server.ts'

let server: MediaServer
beforeEach(async () => {
  server = await startMediaServer()
})
afterEach(() => server.close())

/** What is to be waited for between the requests of a media that says "in one second". */
function pausesMs(requests: readonly SeenRequest[]): number[] {
  return requests.slice(1).map(({ atMs }, index) => atMs - (requests[index]?.atMs ?? 0))
}

describeUnless(undefined, 'fetchMedia() in Node', () => {
  it('waits as the server says, then gives the media', async () => {
    server.media.set('text', { notReady: 2, body: 'here it is' })
    const response = await fetchMedia(`${server.url}/media/text`, { headers: { range: 'bytes=0-3' } })
    expect(response.status).toBe(206)
    expect(await response.text()).toBe('here')
    const requests = server.requests('text', 'GET')
    expect(requests.map(({ status }) => status)).toEqual([503, 503, 206])
    // Timers of Node may be a millisecond early.
    for (const ms of pausesMs(requests)) expect(ms).toBeGreaterThanOrEqual(990)
  })
})

describeUnless(noBrowserReason ?? missingToolsReason(), 'the client in Chromium', () => {
  let browser: Browser
  let context: BrowserContext
  let page: Page
  const exceptions: string[] = []

  beforeAll(async () => {
    await fixtures()
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 900, height: 600 } })
    page = await context.newPage()
    page.on('pageerror', (error) => exceptions.push(String(error)))
    await page.goto(server.url)
    await page.waitForFunction('globalThis.client')
  })
  afterEach(async () => {
    await context.close()
    const thrown = exceptions.splice(0)
    if (thrown.length > 0) throw new Error(`the page threw:\n${thrown.join('\n')}`)
  })

  /** Puts an element into the page and attaches it; its states are kept in `states.<name>`, how to stop in `stops.<name>`. */
  async function attach(
    name: string,
    {
      tag = 'img',
      url = `/media/${name}`,
      attributes = '',
      options = `placeholder: '/placeholder.svg'`,
    } = {},
  ): Promise<void> {
    await page.evaluate(`{
      globalThis.states ??= {}
      globalThis.stops ??= {}
      document.querySelector('main').insertAdjacentHTML('beforeend', '<${tag} id="${name}" ${attributes}></${tag}>')
      const element = document.getElementById('${name}')
      states['${name}'] = []
      stops['${name}'] = client.attachMedia(element, '${url}', { onState: (state) => states['${name}'].push(state), ${options} })
    }`)
  }
  const states = (name: string): Promise<string[]> => page.evaluate(`states['${name}']`)
  const reached = (name: string, state: string, timeout = 20_000) =>
    page.locator(`[id="${name}"][data-media-state=${state}]`).waitFor({ state: 'attached', timeout })
  const shows = (name: string): Promise<{ src: string | null; width: number; busy: string | null }> =>
    page.evaluate(`{
      const element = document.getElementById('${name}')
      ;({ src: element.getAttribute('src'), width: element.naturalWidth ?? element.videoWidth, busy: element.ariaBusy })
    }`)
  /** So many seconds and more go by: a media that loads for so long becomes ready, also where no element may ask. */
  async function pass(seconds: number): Promise<void> {
    const name = `clock-${Math.random()}`
    server.media.set(name, { notReady: seconds })
    expect(await page.evaluate(`client.whenReady('/media/${name}').then(({ status }) => status)`)).toBe(200)
  }
  async function screenshot(name: string): Promise<void> {
    const folder = join(tmpdir(), 'mediakeep-screenshots')
    await mkdir(folder, { recursive: true })
    await page.screenshot({ path: join(folder, `${name}.png`) })
  }

  it('shows the placeholder while an image loads, asks when it was told to, then shows the image', async () => {
    server.media.set('photo', { notReady: 2, file: (await fixtures())['photo.jpg'] })
    await attach('photo')
    await page.waitForFunction(`document.getElementById('photo').naturalWidth > 0`)
    expect(await shows('photo')).toEqual({ src: '/placeholder.svg', width: 160, busy: 'true' })
    await screenshot('client-loading')
    await reached('photo', 'ready')
    const { src, width, busy } = await shows('photo')
    expect({ src, busy }).toEqual({ src: `${server.url}/media/photo`, busy: null })
    expect(width).toBeGreaterThan(160)
    await screenshot('client-ready')
    expect(await states('photo')).toEqual(['loading', 'ready'])
    const heads = server.requests('photo', 'HEAD')
    expect(heads.map(({ status }) => status)).toEqual([503, 503, 200])
    for (const ms of pausesMs(heads)) expect(ms).toBeGreaterThanOrEqual(990)
    expect(server.requests('photo', 'GET').map(({ status }) => status)).toEqual([200])
  })

  it('shows the poster while a video loads, then lets the browser play it by ranges', async () => {
    server.media.set('film', { notReady: 2, file: (await fixtures())['video.webm'] })
    await attach('film', { tag: 'video', attributes: 'muted poster="/own.svg"' })
    expect(await page.locator('#film').getAttribute('poster')).toBe('/placeholder.svg')
    expect(server.requests('film', 'GET')).toEqual([])
    await reached('film', 'ready')
    expect(await page.locator('#film').getAttribute('poster')).toBe('/own.svg')
    await page.evaluate(`document.getElementById('film').play()`)
    await page.waitForFunction(`document.getElementById('film').currentTime > 0`)
    expect((await shows('film')).width).toBeGreaterThan(0)
    expect(server.requests('film', 'HEAD').map(({ status }) => status)).toEqual([503, 503, 200])
    const gets = server.requests('film', 'GET')
    expect(gets[0]).toMatchObject({ status: 206, range: 'bytes=0-' })
    expect(gets.every(({ status }) => status === 206)).toBe(true)
  })

  it('gives a video anew that the browser lost, and goes on where it was', async () => {
    server.media.set('film', { file: (await fixtures())['video.webm'] })
    await attach('film', { tag: 'video', attributes: 'muted' })
    await reached('film', 'ready')
    await page.evaluate(`{ const film = document.getElementById('film'); film.currentTime = 0.5 }`)
    await page.waitForFunction(`document.getElementById('film').readyState >= 2`)
    await page.evaluate(`document.getElementById('film').dispatchEvent(new Event('error'))`)
    await expect.poll(() => states('film')).toEqual(['loading', 'ready', 'loading', 'ready'])
    await page.waitForFunction(`document.getElementById('film').readyState >= 2`)
    expect(await page.evaluate(`document.getElementById('film').currentTime`)).toBe(0.5)
    expect(server.requests('film', 'HEAD')).toHaveLength(2)
  })

  it('does not load a video that nobody plays: ready, with preload="none"', async () => {
    server.media.set('film', { file: (await fixtures())['video.webm'] })
    await attach('film', { tag: 'video', attributes: 'preload="none"' })
    await reached('film', 'ready')
    await pass(1)
    expect(server.requests('film', 'GET')).toEqual([])
  })

  it('says missing at once, keeps the placeholder, and asks no more', async () => {
    await attach('gone')
    await reached('gone', 'missing')
    expect((await shows('gone')).src).toBe('/placeholder.svg')
    await pass(1)
    expect(server.seen.filter(({ name }) => name === 'gone')).toHaveLength(1)
  })

  it.each([
    ['stop() is called', `stops['film']()`],
    ['the element leaves the document', `document.getElementById('film').remove()`],
  ])('asks no more once %s', async (_when, end) => {
    server.media.set('film', { notReady: 99 })
    await attach('film')
    await expect.poll(() => server.requests('film', 'HEAD').length).toBe(1)
    await page.evaluate(`globalThis.film = document.getElementById('film'); ${end}`)
    await pass(2)
    expect(server.requests('film', 'HEAD')).toHaveLength(1)
    expect(await page.evaluate('[film.dataset.mediaState ?? null, film.ariaBusy]')).toEqual([null, null])
    expect(await states('film')).toEqual(['loading'])
  })

  it('waits for an element that is not in the document yet', async () => {
    server.media.set('early', { notReady: 1 })
    await page.evaluate(`{
      const image = new Image()
      image.id = 'early'
      client.attachMedia(image, '/media/early')
      setTimeout(() => document.body.append(image), 500)
    }`)
    await reached('early', 'ready')
  })

  it('asks once for all elements of one address', async () => {
    server.media.set('shared', { notReady: 2 })
    for (let index = 0; index < 20; index += 1) await attach(`shared-${index}`, { url: '/media/shared' })
    for (let index = 0; index < 20; index += 1) await reached(`shared-${index}`, 'ready')
    expect(server.requests('shared', 'HEAD')).toHaveLength(3)
  })

  it('brings 200 images of which 100 load slowly without a storm', async () => {
    for (let index = 0; index < 200; index += 1) {
      server.media.set(`tile-${index}`, { notReady: index % 2 === 0 ? 2 : 0 })
    }
    await page.evaluate(`for (let index = 0; index < 200; index += 1) {
      const image = document.querySelector('main').appendChild(new Image())
      client.attachMedia(image, '/media/tile-' + index, { placeholder: '/placeholder.svg' })
    }`)
    const ready = page.locator('img[data-media-state=ready]')
    await expect.poll(() => ready.count(), { timeout: 60_000 }).toBe(200)
    await screenshot('client-200')
    expect(server.mostHeads()).toBeLessThanOrEqual(4)
    for (let index = 0; index < 200; index += 1) {
      const heads = server.requests(`tile-${index}`, 'HEAD')
      expect(heads).toHaveLength(index % 2 === 0 ? 3 : 1)
      for (const ms of pausesMs(heads)) expect(ms).toBeGreaterThanOrEqual(990)
      expect(server.requests(`tile-${index}`, 'GET')).toHaveLength(1)
    }
  })

  it.each([
    ['nobody sees the page', 'document', 'hidden', true, 'visibilitychange'],
    ['there is no network', 'navigator', 'onLine', false, 'online'],
  ])('asks nothing again while %s, and goes on after', async (_while, owner, member, during, event) => {
    server.media.set('photo', { notReady: 1 })
    await page.evaluate(
      `Object.defineProperty(${owner}, '${member}', { configurable: true, get: () => ${during} })`,
    )
    await attach('photo')
    await expect.poll(() => server.requests('photo', 'HEAD').length).toBe(1)
    await pass(2)
    expect(server.requests('photo', 'HEAD')).toHaveLength(1)
    await page.evaluate(`{
      Object.defineProperty(${owner}, '${member}', { configurable: true, get: () => ${!during} })
      ;('${event}' === 'online' ? window : document).dispatchEvent(new Event('${event}'))
    }`)
    await reached('photo', 'ready')
    expect(server.requests('photo', 'HEAD')).toHaveLength(2)
  })

  it('asks again when the element could not get what was ready', async () => {
    server.media.set('photo', { notReadyToGet: 1 })
    await attach('photo')
    await reached('photo', 'ready')
    expect(server.requests('photo', 'GET').map(({ status }) => status)).toEqual([503, 200])
  })

  it('gives up what cannot be shown after three times, and shows the placeholder', async () => {
    server.media.set('broken', { body: 'not a picture' })
    await attach('broken')
    await reached('broken', 'failed')
    await pass(1)
    expect(server.requests('broken', 'GET')).toHaveLength(3)
    expect(await shows('broken')).toMatchObject({ src: '/placeholder.svg', busy: null })
  })

  it('says failed when the time is over', async () => {
    server.media.set('photo', { notReady: 99 })
    await attach('photo', { options: 'maxWaitMs: 1500' })
    await reached('photo', 'failed')
    expect(server.requests('photo', 'HEAD')).toHaveLength(2)
    expect((await shows('photo')).src).toBe(null)
  })

  it('goes over to another address, with the first placeholder and not the first picture', async () => {
    server.media.set('first', {})
    server.media.set('second', { notReady: 1 })
    await attach('photo', { url: '/media/first', attributes: 'src="/placeholder.svg"', options: '' })
    await reached('photo', 'ready')
    await page.evaluate(`client.attachMedia(document.getElementById('photo'), '/media/second')`)
    expect(await shows('photo')).toMatchObject({ src: '/placeholder.svg', busy: 'true' })
    await reached('photo', 'ready')
    expect((await shows('photo')).src).toBe(`${server.url}/media/second`)
    await page.evaluate(`client.attachMedia(document.getElementById('photo'), '/media/third')`)
    await reached('photo', 'missing')
    expect((await shows('photo')).src).toBe('/placeholder.svg')
  })

  it('asks for a lazy image when it comes near the view', async () => {
    server.media.set('far', {})
    await page.evaluate(`document.querySelector('main').innerHTML = '<div style="height: 5000px"></div>'`)
    await attach('far', { attributes: 'loading="lazy"' })
    // The question of one that can be seen comes after it, and is answered.
    await pass(1)
    expect(server.requests('far', 'HEAD')).toEqual([])
    await page.evaluate(`document.getElementById('far').scrollIntoView()`)
    await reached('far', 'ready')
  })

  it('shows what another origin does not let it ask for', async () => {
    server.media.set('elsewhere', {})
    const other = server.url.replace('127.0.0.1', 'localhost')
    await attach('elsewhere', { url: `${other}/media/elsewhere` })
    await reached('elsewhere', 'ready', 30_000)
    expect(server.requests('elsewhere', 'HEAD')).toHaveLength(5)
  })

  it('attachAll() follows the page: what comes, changes and goes', async () => {
    for (const name of ['a', 'b', 'c']) server.media.set(name, {})
    server.media.set('slow', { notReady: 99 })
    await page.evaluate(`{
      document.querySelector('main').innerHTML = '<img id="here" src="/placeholder.svg" data-media-src="/media/a">'
      globalThis.stopAll = client.attachAll()
      document.querySelector('main').insertAdjacentHTML('beforeend', '<p><img id="later" data-media-src="/media/b"></p>')
      document.querySelector('main').insertAdjacentHTML('beforeend', '<p><img id="slow" data-media-src="/media/slow"></p>')
      document.querySelector('main').insertAdjacentHTML('beforeend', '<img id="no-address" data-media-src="http://[">')
    }`)
    await reached('here', 'ready')
    await reached('later', 'ready')
    expect(exceptions.splice(0)).toHaveLength(1)
    await page.evaluate(`document.getElementById('here').dataset.mediaSrc = '/media/c'`)
    await expect.poll(async () => (await shows('here')).src).toBe(`${server.url}/media/c`)
    await page.evaluate(`document.getElementById('slow').parentElement.remove()`)
    const asked = server.requests('slow', 'HEAD').length
    await page.evaluate(`{
      stopAll()
      document.querySelector('main').insertAdjacentHTML('beforeend', '<img data-media-src="/media/a">')
    }`)
    await pass(2)
    expect(server.requests('slow', 'HEAD')).toHaveLength(asked)
    expect(server.requests('a', 'HEAD')).toHaveLength(1)
  })
})
