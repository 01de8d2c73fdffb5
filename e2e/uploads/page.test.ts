import type { Browser, Request } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { missingServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'
import { focusedName, launchBrowser, noBrowserReason, pageWidth } from '../quick-start/browser.ts'
import { makeBucket, sdkOf } from '../s3/servers.ts'
import { type Door, openPageStage } from './page-stage.ts'

const MIB = 1024 * 1024
const DOORS = ['tus', 'chunked', 'presigned', 'direct'] as const

let browser: Browser
beforeAll(async () => {
  if (noBrowserReason === undefined) browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
})

const isPatch = (request: Request): boolean => request.method() === 'PATCH'
const isChunk = (index: number) => (request: Request) => request.url().endsWith(`/chunks/${index}`)

// Side by side: they wait for the network and for leases, not for the processor.
describeUnless(noBrowserReason, 'the page of uploads', () => {
  it.concurrent('takes a file through each of its doors', async () => {
    await using stage = await openPageStage(browser)
    for (const door of DOORS) {
      const file = await stage.newFile(`${door}.bin`, 2 * MIB)
      await stage.begin(door, file)
      await stage.arrived(file)
      const arrival = stage.page.locator('.arrival', { hasText: file.name })
      expect(await arrival.locator('.door').textContent()).toBe(door)
      expect(await stage.page.locator('#told').textContent()).toBe(`${file.name} has arrived`)
    }
  })

  it.concurrent('pauses, and goes on with what was not sent', async () => {
    await using stage = await openPageStage(browser)
    await stage.slow()
    stage.watched.forgive(/ERR_ABORTED (PATCH|PUT)/)
    const files = [await stage.newFile('one.bin', 12 * MIB), await stage.newFile('two.bin', 5 * MIB)] as const
    await stage.begin('tus', files[0])
    await stage.begin('chunked', files[1])
    for (const file of files) {
      await stage.begun(file)
      await stage.press('pause', file)
      expect(await stage.row(file).locator('.words').textContent()).toMatch(/^Paused at/)
    }
    await stage.hurry()
    const before = stage.requests.length
    for (const file of files) await stage.press('resume', file)
    for (const file of files) await stage.arrived(file)
    const after = stage.requests.slice(before)
    expect(Number(after.find(isPatch)?.headers()['upload-offset'])).toBeGreaterThan(0)
    expect(after.filter(isChunk(0))).toEqual([])
    expect(after.filter(isChunk(4)).length).toBeGreaterThan(0)
  })

  it.concurrent('goes on after a reload where it was, once the file is chosen again', async () => {
    await using stage = await openPageStage(browser)
    const { page } = stage
    await stage.slow()
    stage.watched.forgive(/ERR_ABORTED (PATCH|PUT)/)
    const files = [await stage.newFile('one.bin', 12 * MIB), await stage.newFile('two.bin', 5 * MIB)] as const
    await stage.begin('tus', files[0])
    await stage.begin('chunked', files[1])
    for (const file of files) await stage.begun(file)
    await page.reload()
    await stage.hurry()
    const before = stage.requests.length
    const other = await stage.newFile('other.bin', 10)
    for (const file of files) {
      expect(await stage.row(file).locator('.words').textContent()).toMatch(/^Interrupted at/)
      expect(await stage.percentOf(file)).toBeGreaterThan(0)
      for (const { path } of [other, file]) {
        const chooser = page.waitForEvent('filechooser')
        await stage.press('choose', file)
        await (await chooser).setFiles(path)
      }
    }
    for (const file of files) await stage.arrived(file)
    const after = stage.requests.slice(before)
    // Nothing is begun anew.
    const posts = after.filter((one) => one.method() === 'POST').map((one) => new URL(one.url()).pathname)
    expect(posts).toEqual([expect.stringMatching(/\/complete$/) as string])
    expect(after.filter(isChunk(0))).toEqual([])
    await page.reload()
    expect(await page.locator('.upload').count()).toBe(0)
  })

  it.concurrent('leaves nothing at the server of what is cancelled, in any state', async () => {
    await using stage = await openPageStage(browser)
    const { page } = stage
    stage.watched.forgive(/ERR_ABORTED (PATCH|PUT)/)
    // Uppy and the page both end one of tus: who comes second hears that it is gone.
    stage.watched.forgive(/410 \(Gone\)|404 \(Not Found\)/)
    await stage.slow()
    const begun = async (door: Door, name: string) => {
      const file = await stage.newFile(name, 12 * MIB)
      await stage.begin(door, file)
      await stage.begun(file)
      return file
    }
    for (const door of DOORS) {
      const file = await begun(door, `${door}.bin`)
      if (door === 'chunked') await stage.press('pause', file)
      await stage.press('cancel', file)
      await stage.row(file).waitFor({ state: 'detached' })
      expect(await page.locator('#told').textContent()).toBe(`${file.name} was cancelled`)
    }
    const left = [await begun('tus', 'left.bin'), await begun('chunked', 'over.bin')]
    await page.reload()
    for (const file of left) {
      await stage.press('cancel', file)
      await stage.row(file).waitFor({ state: 'detached' })
    }
    expect(await stage.leftOver()).toEqual({ reservedBytes: 0, written: [] })
  })

  it.concurrent('ends right by itself when the server is killed in the middle, and started again', async () => {
    await using stage = await openPageStage(browser)
    await stage.slow()
    stage.watched.forgive(/ERR_(CONNECTION_\w+|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)|\b4(09|23)\b/)
    const files = [await stage.newFile('one.bin', 12 * MIB), await stage.newFile('two.bin', 8 * MIB)] as const
    await stage.begin('tus', files[0])
    await stage.begin('chunked', files[1])
    for (const file of files) await stage.begun(file)
    await stage.killAndRestart()
    await stage.hurry()
    for (const file of files) await stage.arrived(file)
  })

  it.concurrent('is used by the keyboard alone, and says what it does', async () => {
    await using stage = await openPageStage(browser)
    const { page } = stage
    const { keyboard } = page
    await keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.value')).toBe('tus')
    await keyboard.press('ArrowDown')
    expect(await page.evaluate('location.hash')).toBe('#chunked')
    await keyboard.press('Tab')
    expect(await page.evaluate(focusedName)).toBe('Choose files')
    await stage.slow()
    const file = await stage.newFile('keys.bin', 6 * MIB)
    stage.watched.forgive(/ERR_ABORTED PUT/)
    const chooser = page.waitForEvent('filechooser')
    await keyboard.press('Enter')
    await (await chooser).setFiles(file.path)
    await stage.begun(file)
    for (const [name, next] of [
      ['Pause', 'Resume'],
      ['Resume', 'Pause'],
    ]) {
      await page.getByRole('button', { name: `${name} ${file.name}` }).focus()
      await keyboard.press('Enter')
      // Not to the top of the page: the button in its place has the focus.
      expect(await page.evaluate(focusedName)).toBe(`${next} ${file.name}`)
    }
    await stage.hurry()
    await stage.arrived(file)
    expect(await page.evaluate(focusedName)).toBe('Choose files')
  })

  it.concurrent.each(['light', 'dark'] as const)('fits a phone of 320 pixels, %s', async (colorScheme) => {
    await using stage = await openPageStage(browser, {
      colorScheme,
      viewport: { width: 320, height: 800 },
    })
    const { page } = stage
    const file = await stage.newFile(`${'a-name-without-an-end-'.repeat(4)}.bin`, MIB)
    await stage.begin('direct', file)
    await stage.arrived(file)
    await stage.slow()
    stage.watched.forgive(/ERR_ABORTED PATCH/)
    const next = await stage.newFile('paused.bin', 12 * MIB)
    await stage.begin('tus', next)
    await stage.begun(next)
    await stage.press('pause', next)
    expect(await page.evaluate(pageWidth)).toBe(320)
    await stage.watched.screenshot(`uploads-320-${colorScheme}`)
    await page.setViewportSize({ width: 1280, height: 860 })
    await stage.watched.screenshot(`uploads-1280-${colorScheme}`)
  })

  const noBucket = missingServer('minio')
  if (noBucket !== undefined) console.log(`the page of uploads with a bucket: skipped: ${noBucket}`)
  const isSkipped = noBucket !== undefined && process.env['CI'] !== 'true'
  it.skipIf(isSkipped).concurrent('sends direct uploads straight there, and all others into it', async () => {
    const minio = await startMinio()
    try {
      const client = sdkOf(minio)
      await makeBucket(client, 'media')
      client.destroy()
      await using stage = await openPageStage(browser, {
        env: {
          MINIO_ENDPOINT: minio.endpoint,
          MINIO_ACCESS_KEY: minio.accessKeyId,
          MINIO_SECRET_KEY: minio.secretAccessKey,
        },
      })
      for (const door of ['direct', 'tus', 'chunked', 'presigned'] as const) {
        const file = await stage.newFile(`${door}.bin`, 2 * MIB)
        await stage.begin(door, file)
        await stage.arrived(file)
      }
      const toBucket = (): readonly boolean[] =>
        stage.requests
          .filter((request) => request.method() === 'PUT')
          .map((request) => new URL(request.url()).origin === minio.endpoint)
      expect(toBucket()).toEqual([true, ...Array.from({ length: 3 }, () => false)])

      await stage.slow()
      const large = await stage.newFile('parts.bin', 17 * MIB)
      await stage.begin('direct', large)
      await stage.begun(large)
      stage.watched.forgive(/ERR_ABORTED PUT/)
      await stage.press('pause', large)
      await stage.hurry()
      await stage.press('resume', large)
      await stage.arrived(large)
      // Four parts of 5 MiB at most, and one of them begun twice.
      expect(toBucket().slice(4)).toEqual(Array.from({ length: 5 }, () => true))
    } finally {
      await minio.stop()
    }
  })
})
