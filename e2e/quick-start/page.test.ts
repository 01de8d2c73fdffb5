import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type FixtureName, fixtures } from '../../scripts/fixtures.mjs'
import { describeWithMedia } from '../real-media.ts'
import {
  card,
  dropPaths,
  focusedName,
  launchBrowser,
  limitUploads,
  noBrowserReason,
  openPage,
  pageWidth,
  uploadsDone,
  type WatchedPage,
} from './browser.ts'
import { blobsOnDisk, type ExampleServer, startExample, temporaryData } from './example-server.ts'

const MIB = 1024 * 1024

if (noBrowserReason !== undefined && process.env['CI'] !== 'true') console.warn(`skipped: ${noBrowserReason}`)
const describePage =
  noBrowserReason === undefined || process.env['CI'] === 'true' ? describeWithMedia : describeWithMedia.skip

describePage('the quick-start page', () => {
  let browser: Browser
  let scratch: string
  let data: Awaited<ReturnType<typeof temporaryData>>
  let server: ExampleServer
  const opened: WatchedPage[] = []

  beforeAll(async () => {
    await fixtures()
    browser = await launchBrowser()
    scratch = await mkdtemp(join(tmpdir(), 'mediakeep-page-'))
  })
  afterAll(async () => {
    await browser?.close()
    await rm(scratch, { recursive: true, force: true })
  })
  beforeEach(async () => {
    data = await temporaryData()
    server = await startExample({ data: data.path })
  })
  afterEach(async () => {
    const complaints = opened.flatMap((one) => one.complaints)
    for (const { context } of opened.splice(0)) await context.close()
    await server.stop()
    await data.remove()
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`)
  })

  async function open(options = {}): Promise<WatchedPage> {
    const watched = await openPage(browser, server.url, options)
    opened.push(watched)
    return watched
  }
  const pathOf = async (name: FixtureName): Promise<string> => (await fixtures())[name].path
  async function scratchFile(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(scratch, name)
    await writeFile(path, content)
    return path
  }
  async function post(name: string, body: string | Uint8Array, contentType: string): Promise<void> {
    const form = new FormData()
    form.append('file', new Blob([body], { type: contentType }), name)
    const response = await fetch(`${server.url}/media`, { method: 'POST', body: form })
    expect(response.status).toBe(201)
  }

  it('invites to add files when there are none', async () => {
    const { page, screenshot } = await open()
    await page.getByText('Drop photos, videos and documents here').waitFor()
    expect(await page.locator('body').getAttribute('class')).toContain('is-empty')
    await screenshot('empty-1280-light')
  })

  it('takes chosen files of every kind and shows each picture truly decoded', async () => {
    const { 'bundle.zip': _archive, ...taken } = await fixtures()
    const { page, screenshot } = await open()
    await page.setInputFiles(
      '#file-input',
      Object.values(taken).map(({ path }) => path),
    )
    await uploadsDone(page, Object.keys(taken).length)
    for (const bar of await page.locator('.upload progress').all()) {
      expect(await bar.evaluate((element) => (element as unknown as { value: number }).value)).toBe(100)
    }
    for (const name of ['photo.jpg', 'photo.png', 'photo.webp', 'photo.avif', 'moving.gif', 'drawing.svg']) {
      const image = card(page, name).locator('img')
      await image.scrollIntoViewIfNeeded()
      await expect
        .poll(
          () => image.evaluate((element) => (element as unknown as { naturalWidth: number }).naturalWidth),
          { message: name },
        )
        .toBeGreaterThan(0)
    }
    await card(page, 'paper.pdf').getByText('PDF', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Clear' }).click()
    await screenshot('full-1280-light')
  })

  it('takes a dropped file', async () => {
    const { page } = await open()
    await dropPaths(page, [await pathOf('photo.webp')])
    await uploadsDone(page, 1)
    await card(page, 'photo.webp').waitFor()
    expect(await page.locator('#veil').isVisible()).toBe(false)
  })

  it('takes a dropped folder with all below it and tags each file with its folder', async () => {
    const folder = join(scratch, 'Holiday')
    await mkdir(join(folder, 'Beach'), { recursive: true })
    await writeFile(join(folder, 'plan.txt'), 'sleep, swim, read')
    await writeFile(join(folder, '.DS_Store'), 'litter')
    await writeFile(join(folder, 'Beach', 'sand.txt'), 'a grain')
    const { page } = await open()
    await dropPaths(page, [folder])
    await uploadsDone(page, 2)
    expect(await page.locator('.card').count()).toBe(2)
    await card(page, 'sand.txt').getByRole('button', { name: 'Beach', exact: true }).click()
    await expect.poll(() => page.locator('.card').count()).toBe(1)
    await page.getByRole('button', { name: 'Stop showing only Beach' }).click()
    await card(page, 'plan.txt').getByRole('button', { name: 'Holiday', exact: true }).waitFor()
  })

  it('takes a pasted picture under a name of its own', async () => {
    const png = [...(await readFile(await pathOf('photo.png')))]
    const { page } = await open()
    await page.evaluate(`{
      const clipboardData = new DataTransfer()
      clipboardData.items.add(new File([new Uint8Array(${JSON.stringify(png)})], 'image.png', { type: 'image/png' }))
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    }`)
    await uploadsDone(page, 1)
    await page.locator('.card .name', { hasText: /^Pasted \d{4}-\d\d-\d\d [\d.]+\.png$/ }).waitFor()
  })

  it('shows the progress of an upload, cancels it, and retries it to the end', async () => {
    const path = await scratchFile('slow.txt', 'slow but steady\n'.repeat(MIB / 4))
    const { page, forgive } = await open()
    await limitUploads(page, 512 * 1024)
    await page.setInputFiles('#file-input', path)
    const bar = page.getByRole('progressbar', { name: 'Progress of slow.txt' })
    const value = (): Promise<number> =>
      bar.evaluate((element) => (element as unknown as { value: number }).value)
    await expect.poll(value, { timeout: 20_000 }).toBeGreaterThan(2)
    expect(await value()).toBeLessThan(100)
    await page.getByRole('button', { name: 'Cancel slow.txt' }).click()
    await page.locator('#uploads-list').getByText('Cancelled').waitFor()
    expect(await page.locator('.card').count()).toBe(0)
    forgive(/ERR_ABORTED POST/)
    await limitUploads(page, 0)
    await page.getByRole('button', { name: 'Retry slow.txt' }).click()
    await uploadsDone(page, 1)
    expect(await value()).toBe(100)
    await card(page, 'slow.txt').waitFor()
  })

  it('sends at most three files at once', async () => {
    const paths = await Promise.all(
      Array.from({ length: 8 }, (_, index) => scratchFile(`many-${index}.txt`, `${index}\n`.repeat(40_000))),
    )
    const { page } = await open()
    await page.evaluate(`{
      globalThis.underWay = globalThis.most = 0
      const { send } = XMLHttpRequest.prototype
      XMLHttpRequest.prototype.send = function (body) {
        // Before \`load\`, at which the next one may start.
        this.addEventListener('readystatechange', () => { if (this.readyState === 4) underWay -= 1 })
        most = Math.max(most, ++underWay)
        send.call(this, body)
      }
    }`)
    await limitUploads(page, 400 * 1024)
    await page.setInputFiles('#file-input', paths)
    await uploadsDone(page, 8)
    expect(await page.evaluate('most')).toBe(3)
  })

  it('plays a video in place and seeks by ranges', async () => {
    const { page, screenshot } = await open()
    const statuses: number[] = []
    page.on('response', (response) => {
      if (response.request().headers()['range'] !== undefined) statuses.push(response.status())
    })
    await page.setInputFiles('#file-input', await pathOf('video.mp4'))
    await uploadsDone(page, 1)
    const played = await card(page, 'video.mp4')
      .locator('video')
      .evaluate(async (element) => {
        const video = element as unknown as HTMLVideoElementLike
        const event = (name: string): Promise<void> =>
          new Promise((resolve, reject) => {
            video.addEventListener(name, () => resolve(), { once: true })
            video.addEventListener('error', () => reject(new Error(`error before ${name}`)), { once: true })
          })
        const metadata = event('loadedmetadata')
        video.muted = true
        video.preload = 'metadata'
        await metadata
        const seeked = event('seeked')
        video.currentTime = 7
        await seeked
        const soughtTo = video.currentTime
        await video.play()
        while (video.currentTime <= soughtTo) await event('timeupdate')
        video.pause()
        return { soughtTo, width: video.videoWidth, duration: video.duration, readyState: video.readyState }
      })
    expect(played.soughtTo).toBeCloseTo(7, 1)
    expect(played.width).toBe(1280)
    expect(played.duration).toBeCloseTo(10, 0)
    expect(played.readyState).toBeGreaterThanOrEqual(2)
    expect(statuses).toContain(206)
    expect(statuses.filter((status) => status !== 206 && status !== 200)).toEqual([])
    await screenshot('video-1280-light')
  })

  it('gives every video a still of its own', async () => {
    const { page } = await open()
    await page.setInputFiles('#file-input', [await pathOf('video.mp4'), await pathOf('video.webm')])
    await uploadsDone(page, 2)
    for (const name of ['video.mp4', 'video.webm']) {
      await expect
        .poll(() => card(page, name).locator('video').getAttribute('poster'), { timeout: 15_000 })
        .toMatch(/^blob:/)
    }
  })

  it('shows that a second copy cost no bytes', async () => {
    const photo = await readFile(await pathOf('photo.jpg'))
    const second = await scratchFile('the same photo.jpg', photo)
    const { page, screenshot } = await open()
    await page.setInputFiles('#file-input', await pathOf('photo.jpg'))
    await uploadsDone(page, 1)
    const before = await blobsOnDisk(data.path)
    expect(before).toEqual({ files: 1, bytes: photo.length })
    await page.setInputFiles('#file-input', second)
    await uploadsDone(page, 2)
    await page.locator('#uploads-list').getByText('Same bytes were here already: 0 bytes added').waitFor()
    expect(await page.locator('.copies', { hasText: 'Stored once, used by 2' }).count()).toBe(2)
    await expect.poll(() => page.locator('#total-files').textContent()).toBe('2')
    expect(await page.locator('#total-seen').textContent()).toBe(
      `${Math.round((2 * photo.length) / 1000)} kB`,
    )
    expect(await page.locator('#total-stored').textContent()).toBe(`${Math.round(photo.length / 1000)} kB`)
    await expect.poll(() => blobsOnDisk(data.path)).toEqual(before)
    await screenshot('copies-1280-light')
  })

  it('deletes by keyboard alone, asks first, and Escape means no', async () => {
    await post('first.txt', 'one', 'text/plain')
    await post('second.txt', 'two', 'text/plain')
    const { page } = await open()
    const focused = (): Promise<unknown> => page.evaluate(focusedName)
    const tabTo = async (label: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab')
        if ((await focused()) === label) return
      }
      throw new Error(`Tab never came to ${label}`)
    }
    await tabTo('Delete second.txt')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await expect.poll(focused).toBe('Keep it')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await expect.poll(focused).toBe('Delete second.txt')
    expect(await page.locator('.card').count()).toBe(2)
    await page.keyboard.press('Enter')
    await expect.poll(focused).toBe('Keep it')
    await page.keyboard.press('Tab')
    await expect.poll(focused).toBe('Delete')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('.card').count()).toBe(1)
    await expect.poll(focused).toBe('first.txt')
    await page.reload()
    await card(page, 'first.txt').waitFor()
    expect(await page.locator('.card').count()).toBe(1)
  })

  it('opens a file large, leafs with the arrows, closes with Escape, and gives the focus back', async () => {
    await post('first.txt', 'one', 'text/plain')
    await post('photo.jpg', await readFile(await pathOf('photo.jpg')), 'image/jpeg')
    const { page, screenshot } = await open()
    await card(page, 'photo.jpg').getByRole('button', { name: 'photo.jpg', exact: true }).press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('heading', { name: 'photo.jpg' }).waitFor()
    await dialog.getByText(/^sha256:[0-9a-f]{64}$/).waitFor()
    await screenshot('viewer-1280-light')
    await page.keyboard.press('ArrowRight')
    await dialog.getByRole('heading', { name: 'first.txt' }).waitFor()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog.count()).toBe(0)
    await expect.poll(() => page.evaluate(focusedName)).toBe('photo.jpg')
  })

  it('renames and tags a file, and tells when somebody else was quicker', async () => {
    await post('draft.txt', 'words', 'text/plain')
    const first = await open()
    const other = await open()
    await card(other.page, 'draft.txt').waitFor()
    await card(first.page, 'draft.txt').getByRole('button', { name: 'Edit draft.txt' }).click()
    await first.page.getByLabel('Name', { exact: true }).fill('final.txt')
    await first.page.getByLabel('Tags, separated by commas').fill('garden, 2024, garden')
    await first.page.getByRole('button', { name: 'Save' }).click()
    await card(first.page, 'final.txt').getByRole('button', { name: 'garden', exact: true }).waitFor()
    await card(other.page, 'draft.txt').getByRole('button', { name: 'Edit draft.txt' }).click()
    await other.page.getByLabel('Name', { exact: true }).fill('mine.txt')
    await other.page.getByRole('button', { name: 'Save' }).click()
    await other.page.getByText('This file was changed elsewhere').waitFor()
    other.forgive(/412/)
    await first.page.reload()
    await card(first.page, 'final.txt').getByRole('button', { name: '2024', exact: true }).waitFor()
  })

  it('searches by words, filters by type, and keeps both over a reload', async () => {
    await post('red garden rose.txt', '1', 'text/plain')
    await post('blue garden shed.txt', '2', 'text/plain')
    await post('photo.jpg', await readFile(await pathOf('photo.jpg')), 'image/jpeg')
    const { page } = await open()
    const names = async (): Promise<string[]> =>
      (await page.locator('.card .name').allTextContents()).toSorted()
    await page.keyboard.press('/')
    await page.keyboard.type('garden RED')
    await expect.poll(names).toEqual(['red garden rose.txt'])
    await page.reload()
    await expect.poll(names).toEqual(['red garden rose.txt'])
    await page.getByPlaceholder('Search').fill('nowhere')
    await page.getByText('Nothing here matches').waitFor()
    await page.getByRole('button', { name: 'Show everything' }).click()
    await expect.poll(names).toHaveLength(3)
    await page.getByText('Images', { exact: true }).click()
    await expect.poll(names).toEqual(['photo.jpg'])
  })

  it('goes on to older files as the end comes into sight', async () => {
    for (let index = 0; index < 60; index++) await post(`note ${index}.txt`, `note ${index}`, 'text/plain')
    const { page } = await open()
    await expect
      .poll(
        async () => {
          await page.mouse.wheel(0, 4000)
          return page.locator('.card').count()
        },
        { timeout: 20_000 },
      )
      .toBe(60)
    const names = await page.locator('.card .name').allTextContents()
    expect(names).toEqual(Array.from({ length: 60 }, (_, index) => `note ${59 - index}.txt`))
    expect(await page.locator('#more').isVisible()).toBe(false)
  })

  it('says what to do about an empty file and keeps the others', async () => {
    const empty = await scratchFile('nothing.txt', '')
    const { page, forgive } = await open()
    await page.setInputFiles('#file-input', [empty, await pathOf('notes.txt')])
    await page.locator('#uploads-list').getByText('This file is empty: there is nothing to keep.').waitFor()
    await uploadsDone(page, 1)
    expect(await page.locator('.card').count()).toBe(1)
    forgive(/status of 4\d\d/)
  })

  it('says that a type is not taken, and that a file is not what its name claims', async () => {
    const fake = await scratchFile('holiday.jpg', await readFile(await pathOf('paper.pdf')))
    const { page, forgive } = await open()
    await page.setInputFiles('#file-input', [await pathOf('bundle.zip'), fake])
    for (const name of ['bundle.zip', 'holiday.jpg']) {
      const row = page.locator('.upload', { hasText: name })
      await row.getByText('The server does not take files of this type').waitFor()
      await row.getByRole('button', { name: `Retry ${name}` }).waitFor()
    }
    expect(await page.locator('.card').count()).toBe(0)
    forgive(/status of 415/)
  })

  it('shows hostile names as the text they are', async () => {
    await post('"><img src=x onerror="window.stolen=1"><script>window.stolen=1.txt', 'text', 'text/plain')
    await post('\u202egpj.txt', 'text', 'text/plain')
    const { page } = await open()
    await expect.poll(() => page.locator('.card').count()).toBe(2)
    await page.locator('.card .name').last().click()
    await page.getByRole('dialog').waitFor()
    expect(await page.evaluate(`'stolen' in globalThis`)).toBe(false)
    expect(await page.locator('.card img, dialog img').count()).toBe(0)
  })

  it('tells when the server is gone, and finishes the uploads when it is back', async () => {
    const { page, forgive } = await open()
    const port = new URL(server.url).port
    await server.stop()
    await page.setInputFiles('#file-input', await pathOf('notes.txt'))
    await page.getByText('The server does not answer. Trying again').waitFor()
    server = await startExample({ data: data.path, port })
    await uploadsDone(page, 1)
    await expect.poll(() => page.locator('#server-gone').isVisible()).toBe(false)
    await card(page, 'notes.txt').waitFor()
    expect(await page.locator('.card').count()).toBe(1)
    forgive(/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/)
  })

  it('copies a link that answers with the bytes', async () => {
    await post('words.txt', 'the bytes', 'text/plain')
    const { page } = await open()
    await page.getByRole('button', { name: 'Copy link to words.txt' }).click()
    await page.getByText('Link copied').first().waitFor()
    const link = await page.evaluate<string>('navigator.clipboard.readText()')
    expect(await (await fetch(link)).text()).toBe('the bytes')
  })

  it('downloads under the name of the file', async () => {
    await post('Überschrift, 1.txt', 'the bytes', 'text/plain')
    const { page } = await open()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download Überschrift, 1.txt' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('Überschrift, 1.txt')
    expect(await readFile(await download.path(), 'utf8')).toBe('the bytes')
  })

  it.each(['light', 'dark'] as const)(
    'fits a phone of 360 px in %s without scrolling sideways',
    async (colorScheme) => {
      for (const name of ['photo.jpg', 'video.mp4', 'song.mp3', 'paper.pdf'] as const) {
        const { path, contentType } = (await fixtures())[name]
        await post(`${name} ${'a long name '.repeat(8)}${name}`, await readFile(path), contentType)
      }
      const { page, screenshot } = await open({ viewport: { width: 360, height: 760 }, colorScheme })
      await expect.poll(() => page.locator('.card').count()).toBe(4)
      expect(await page.evaluate(pageWidth)).toBe(360)
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor')
      expect(background).toBe(colorScheme === 'dark' ? 'rgb(19, 20, 19)' : 'rgb(247, 246, 243)')
      await page.locator('.card .name').first().click()
      await page.getByRole('dialog').waitFor()
      expect(await page.evaluate(pageWidth)).toBe(360)
      await screenshot(`viewer-360-${colorScheme}`)
    },
  )

  it('names every control for those who cannot see it, and moves nothing for those who ask for stillness', async () => {
    await post('photo.jpg', await readFile(await pathOf('photo.jpg')), 'image/jpeg')
    const { page } = await open({ reducedMotion: 'reduce' })
    await card(page, 'photo.jpg').waitFor()
    const nameless = await page
      .locator('button:visible, a:visible, input:visible, video, audio')
      .evaluateAll((controls) =>
        controls
          .filter((control) => {
            const labels = (control as unknown as { labels?: ArrayLike<unknown> }).labels
            return !control.getAttribute('aria-label') && !control.textContent?.trim() && !labels?.length
          })
          .map((control) => control.outerHTML),
      )
    expect(nameless).toEqual([])
    const moving = `[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length`
    expect(await page.evaluate(moving)).toBe(0)
  })
})

/** What the video test uses of a player: the suite is checked without the browser's own types. */
interface HTMLVideoElementLike {
  muted: boolean
  preload: string
  currentTime: number
  readonly duration: number
  readonly videoWidth: number
  readonly readyState: number
  addEventListener(type: string, listener: () => void, options: { once: boolean }): void
  play(): Promise<void>
  pause(): void
}
