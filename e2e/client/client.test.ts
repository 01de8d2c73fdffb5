import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fetchMedia } from '../../packages/client/src/fetch-media.ts'
import { fixtures, missingToolsReason } from '../../scripts/fixtures.mjs'
import { describeUnless } from '../describe-unless.ts'
import { launchBrowser, noBrowserReason } from '../quick-start/browser.ts'
import { type SeenRequest, type ServedMedia, startMediaServer } from './media-server.ts'
import { openStage, type Stage } from './stage.ts'

/** Asked of whatever test waits: the runner's own poll knows no tests that run at once. */
const eventually = <T>(read: () => T | Promise<T>, expected: T): Promise<void> =>
  vi.waitFor(async () => expect(await read()).toEqual(expected), { timeout: 60_000 })

/** Loads until the test says otherwise: what it looks at meanwhile does not change under it on a busy machine. */
const loading = (file?: ServedMedia['file']): ServedMedia => ({
  notReady: Number.POSITIVE_INFINITY,
  ...(file && { file }),
})

/** What is to be waited for between the requests of a media that says "in one second". */
function pausesMs(requests: readonly SeenRequest[]): number[] {
  return requests.slice(1).map(({ atMs }, index) => atMs - (requests[index]?.atMs ?? 0))
}

describe('fetchMedia() in Node', () => {
  it('waits as the server says, then gives the media', async () => {
    const server = await startMediaServer()
    server.media.set('text', { notReady: 2, body: 'here it is' })
    const response = await fetchMedia(`${server.url}/media/text`, { headers: { range: 'bytes=0-3' } })
    expect(response.status).toBe(206)
    expect(await response.text()).toBe('here')
    const requests = server.requests('text', 'GET')
    expect(requests.map(({ status }) => status)).toEqual([503, 503, 206])
    // Timers of Node may be a millisecond early.
    for (const ms of pausesMs(requests)) expect(ms).toBeGreaterThanOrEqual(990)
    await server.close()
  })
})

describeUnless(noBrowserReason ?? missingToolsReason(), 'the client in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    await fixtures()
    browser = await launchBrowser()
  })
  afterAll(() => browser?.close())

  /** A test on a stage of its own. */
  const staged = (test: (stage: Stage) => Promise<void>) => async (): Promise<void> => {
    const stage = await openStage(browser)
    try {
      await test(stage)
    } finally {
      await stage.close()
    }
  }

  it.concurrent(
    'shows the placeholder while an image loads, asks when it was told to, then shows the image',
    staged(async ({ server, page, attach, states, reached, shows, screenshot }) => {
      const photo = loading((await fixtures())['photo.jpg'])
      server.media.set('photo', photo)
      await attach('photo')
      await page.waitForFunction(`document.getElementById('photo').naturalWidth > 0`)
      expect(await shows('photo')).toEqual({ src: '/placeholder.svg', width: 160, busy: 'true' })
      await screenshot('client-loading')
      photo.notReady = 2
      await reached('photo', 'ready')
      const { src, width, busy } = await shows('photo')
      expect({ src, busy }).toEqual({ src: `${server.url}/media/photo`, busy: null })
      expect(width).toBeGreaterThan(160)
      await screenshot('client-ready')
      expect(await states('photo')).toEqual(['loading', 'ready'])
      const heads = server.requests('photo', 'HEAD')
      expect(heads.map(({ status }) => status).slice(-3)).toEqual([503, 503, 200])
      for (const ms of pausesMs(heads)) expect(ms).toBeGreaterThanOrEqual(990)
      expect(server.requests('photo', 'GET').map(({ status }) => status)).toEqual([200])
    }),
  )

  it.concurrent(
    'shows the poster while a video loads, then lets the browser play it by ranges',
    staged(async ({ server, page, attach, reached, shows }) => {
      const film = loading((await fixtures())['video.webm'])
      server.media.set('film', film)
      await attach('film', { tag: 'video', attributes: 'muted poster="/own.svg"' })
      expect(await page.locator('#film').getAttribute('poster')).toBe('/placeholder.svg')
      await eventually(() => server.requests('film', 'HEAD').length > 0, true)
      expect(server.requests('film', 'GET')).toEqual([])
      film.notReady = 2
      await reached('film', 'ready')
      expect(await page.locator('#film').getAttribute('poster')).toBe('/own.svg')
      await page.evaluate(`document.getElementById('film').play()`)
      await page.waitForFunction(`document.getElementById('film').currentTime > 0`)
      expect((await shows('film')).width).toBeGreaterThan(0)
      const heads = server.requests('film', 'HEAD')
      expect(heads.map(({ status }) => status).slice(-3)).toEqual([503, 503, 200])
      const gets = server.requests('film', 'GET')
      expect(gets[0]).toMatchObject({ status: 206, range: 'bytes=0-' })
      expect(gets.every(({ status }) => status === 206)).toBe(true)
    }),
  )

  it.concurrent(
    'gives a video anew that the browser lost, and goes on where it was',
    staged(async ({ server, page, attach, states, reached }) => {
      server.media.set('film', { file: (await fixtures())['video.webm'] })
      await attach('film', { tag: 'video', attributes: 'muted' })
      await reached('film', 'ready')
      await page.evaluate(`{ const film = document.getElementById('film'); film.currentTime = 0.5 }`)
      await page.waitForFunction(`document.getElementById('film').readyState >= 2`)
      await page.evaluate(`document.getElementById('film').dispatchEvent(new Event('error'))`)
      await eventually(() => states('film'), ['loading', 'ready', 'loading', 'ready'])
      await page.waitForFunction(`document.getElementById('film').readyState >= 2`)
      expect(await page.evaluate(`document.getElementById('film').currentTime`)).toBe(0.5)
      expect(server.requests('film', 'HEAD')).toHaveLength(2)
    }),
  )

  it.concurrent(
    'does not load a video that nobody plays: ready, with preload="none"',
    staged(async ({ server, attach, reached, pass }) => {
      server.media.set('film', { file: (await fixtures())['video.webm'] })
      await attach('film', { tag: 'video', attributes: 'preload="none"' })
      await reached('film', 'ready')
      await pass(1)
      expect(server.requests('film', 'GET')).toEqual([])
    }),
  )

  it.concurrent(
    'says missing at once, keeps the placeholder, and asks no more',
    staged(async ({ server, attach, reached, shows, pass }) => {
      await attach('gone')
      await reached('gone', 'missing')
      expect((await shows('gone')).src).toBe('/placeholder.svg')
      await pass(1)
      expect(server.seen.filter(({ name }) => name === 'gone')).toHaveLength(1)
    }),
  )

  it.concurrent.each([
    ['stop() is called', `stops['film']()`],
    ['the element leaves the document', `document.getElementById('film').remove()`],
  ])('asks no more once %s', (_when, end) =>
    staged(async ({ server, page, attach, states, pass }) => {
      server.media.set('film', { notReady: 99, retryAfter: 3 })
      await attach('film')
      await eventually(() => server.requests('film', 'HEAD').length, 1)
      await page.evaluate(`globalThis.film = document.getElementById('film'); ${end}`)
      await pass(4)
      expect(server.requests('film', 'HEAD')).toHaveLength(1)
      expect(await page.evaluate('[film.dataset.mediaState ?? null, film.ariaBusy]')).toEqual([null, null])
      expect(await states('film')).toEqual(['loading'])
    })(),
  )

  it.concurrent(
    'waits for an element that is not in the document yet',
    staged(async ({ server, page, reached }) => {
      server.media.set('early', { notReady: 1 })
      await page.evaluate(`{
      const image = new Image()
      image.id = 'early'
      client.attachMedia(image, '/media/early')
      setTimeout(() => document.body.append(image), 500)
    }`)
      await reached('early', 'ready')
    }),
  )

  it.concurrent(
    'asks once for all elements of one address',
    staged(async ({ server, page }) => {
      server.media.set('shared', { notReady: 2 })
      await page.evaluate(`for (let index = 0; index < 20; index += 1) {
        const image = document.querySelector('main').appendChild(new Image())
        client.attachMedia(image, '/media/shared')
      }`)
      await eventually(() => page.locator('img[data-media-state=ready]').count(), 20)
      expect(server.requests('shared', 'HEAD')).toHaveLength(3)
    }),
  )

  it.concurrent(
    'brings 200 images of which 100 load slowly without a storm',
    staged(async ({ server, page, screenshot }) => {
      for (let index = 0; index < 200; index += 1) {
        server.media.set(`tile-${index}`, { notReady: index % 2 === 0 ? 2 : 0 })
      }
      await page.evaluate(`for (let index = 0; index < 200; index += 1) {
      const image = document.querySelector('main').appendChild(new Image())
      client.attachMedia(image, '/media/tile-' + index, { placeholder: '/placeholder.svg' })
    }`)
      const ready = page.locator('img[data-media-state=ready]')
      await eventually(() => ready.count(), 200)
      await screenshot('client-200')
      expect(server.mostHeads()).toBeLessThanOrEqual(4)
      for (let index = 0; index < 200; index += 1) {
        const heads = server.requests(`tile-${index}`, 'HEAD')
        expect(heads).toHaveLength(index % 2 === 0 ? 3 : 1)
        for (const ms of pausesMs(heads)) expect(ms).toBeGreaterThanOrEqual(990)
        expect(server.requests(`tile-${index}`, 'GET')).toHaveLength(1)
      }
    }),
  )

  it.concurrent.each([
    ['nobody sees the page', 'document', 'hidden', true, 'visibilitychange'],
    ['there is no network', 'navigator', 'onLine', false, 'online'],
  ])('asks nothing again while %s, and goes on after', (_while, owner, member, during, event) =>
    staged(async ({ server, page, attach, reached, pass }) => {
      server.media.set('photo', { notReady: 1 })
      await page.evaluate(
        `Object.defineProperty(${owner}, '${member}', { configurable: true, get: () => ${during} })`,
      )
      await attach('photo')
      await eventually(() => server.requests('photo', 'HEAD').length, 1)
      await pass(2)
      expect(server.requests('photo', 'HEAD')).toHaveLength(1)
      await page.evaluate(`{
      Object.defineProperty(${owner}, '${member}', { configurable: true, get: () => ${!during} })
      ;('${event}' === 'online' ? window : document).dispatchEvent(new Event('${event}'))
    }`)
      await reached('photo', 'ready')
      expect(server.requests('photo', 'HEAD')).toHaveLength(2)
    })(),
  )

  it.concurrent(
    'asks again when the element could not get what was ready',
    staged(async ({ server, attach, reached }) => {
      server.media.set('photo', { notReadyToGet: 1 })
      await attach('photo')
      await reached('photo', 'ready')
      expect(server.requests('photo', 'GET').map(({ status }) => status)).toEqual([503, 200])
    }),
  )

  it.concurrent(
    'gives up what cannot be shown after three times, and shows the placeholder',
    staged(async ({ server, attach, reached, shows, pass }) => {
      server.media.set('broken', { body: 'not a picture' })
      await attach('broken')
      await reached('broken', 'failed')
      await pass(1)
      expect(server.requests('broken', 'GET')).toHaveLength(3)
      expect(await shows('broken')).toMatchObject({ src: '/placeholder.svg', busy: null })
    }),
  )

  it.concurrent(
    'says failed when the time is over',
    staged(async ({ server, attach, reached, shows }) => {
      server.media.set('photo', { notReady: 99 })
      await attach('photo', { options: 'maxWaitMs: 1500' })
      await reached('photo', 'failed')
      // One or two, as long as they took.
      expect(server.requests('photo', 'HEAD').length).toBeLessThanOrEqual(2)
      expect((await shows('photo')).src).toBe(null)
    }),
  )

  it.concurrent(
    'goes over to another address, with the first placeholder and not the first picture',
    staged(async ({ server, page, attach, reached, shows }) => {
      server.media.set('first', {})
      const second = loading()
      server.media.set('second', second)
      await attach('photo', { url: '/media/first', attributes: 'src="/placeholder.svg"', options: '' })
      await reached('photo', 'ready')
      await page.evaluate(`client.attachMedia(document.getElementById('photo'), '/media/second')`)
      expect(await shows('photo')).toMatchObject({ src: '/placeholder.svg', busy: 'true' })
      second.notReady = 0
      await reached('photo', 'ready')
      expect((await shows('photo')).src).toBe(`${server.url}/media/second`)
      await page.evaluate(`client.attachMedia(document.getElementById('photo'), '/media/third')`)
      await reached('photo', 'missing')
      expect((await shows('photo')).src).toBe('/placeholder.svg')
    }),
  )

  it.concurrent(
    'asks for a lazy image when it comes near the view',
    staged(async ({ server, page, attach, reached, pass }) => {
      server.media.set('far', {})
      await page.evaluate(`document.querySelector('main').innerHTML = '<div style="height: 5000px"></div>'`)
      await attach('far', { attributes: 'loading="lazy"' })
      // The question of one that can be seen comes after it, and is answered.
      await pass(1)
      expect(server.requests('far', 'HEAD')).toEqual([])
      await page.evaluate(`document.getElementById('far').scrollIntoView()`)
      await reached('far', 'ready')
    }),
  )

  it.concurrent(
    'shows what another origin does not let it ask for',
    staged(async ({ server, attach, reached }) => {
      server.media.set('elsewhere', {})
      const other = server.url.replace('127.0.0.1', 'localhost')
      await attach('elsewhere', { url: `${other}/media/elsewhere` })
      await reached('elsewhere', 'ready')
      expect(server.requests('elsewhere', 'HEAD')).toHaveLength(5)
    }),
  )

  it.concurrent(
    'attachAll() follows the page: what comes, changes and goes',
    staged(async ({ server, page, exceptions, reached, shows, pass }) => {
      for (const name of ['a', 'b', 'c']) server.media.set(name, {})
      server.media.set('slow', { notReady: 99, retryAfter: 3 })
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
      await eventually(async () => (await shows('here')).src, `${server.url}/media/c`)
      await page.evaluate(`document.getElementById('slow').parentElement.remove()`)
      const asked = server.requests('slow', 'HEAD').length
      await page.evaluate(`{
      stopAll()
      document.querySelector('main').insertAdjacentHTML('beforeend', '<img data-media-src="/media/a">')
    }`)
      await pass(4)
      expect(server.requests('slow', 'HEAD')).toHaveLength(asked)
      expect(server.requests('a', 'HEAD')).toHaveLength(1)
    }),
  )
})
