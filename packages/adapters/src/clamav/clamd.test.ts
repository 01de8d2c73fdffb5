import { bytesSource, MiB } from '@mediakeep/core'
import { afterEach, describe, expect, test } from 'vitest'
import { eicar, missingClamdReason, startClamd } from '../../../../scripts/clamd.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { type ClamavScanner, type ClamavScannerOptions, clamavScanner } from './index.ts'
import { about, piecesSource, textSource, tracked, zerosSource } from './testing/source.fixture.ts'
import { zipOf } from './testing/zip.fixture.ts'

const start = () =>
  startClamd({ maxStreamBytes: 4 * MiB, settings: { MaxScanSize: '2M', MaxFileSize: '2M', MaxThreads: 8 } })
const found = { verdict: 'infected', signature: 'Eicar-Test-Signature.UNOFFICIAL' }
const scanners: ClamavScanner[] = []
const opened = (options: ClamavScannerOptions): ClamavScanner => {
  const scanner = clamavScanner(options)
  scanners.push(scanner)
  return scanner
}
afterEach(async () => {
  await Promise.all(scanners.splice(0).map((scanner) => scanner.close()))
})

await describeOn('on a real clamd', missingClamdReason(), start, (clamd) => {
  const ways = [
    ['over TCP', () => opened({ host: clamd.host, port: clamd.port })],
    ['over a unix socket', () => opened({ socketPath: clamd.socketPath })],
  ] as const

  describe.each(ways)('%s', (_way, open) => {
    test('2.10-04 what holds nothing is clean, with the engine and the database that looked', async () => {
      const scanner = open()
      const verdict = await scanner.scan(textSource('a holiday'), about)
      expect(verdict).toEqual({ verdict: 'clean', ...(await scanner.version()) })
      expect(verdict).toMatchObject({
        engine: expect.stringMatching(/^ClamAV \d/),
        database: expect.stringMatching(/^\d+\/\w/),
      })
      expect(await scanner.scan(textSource(''), about)).toMatchObject({ verdict: 'clean' })
    })

    test('2.10-22 a virus is found: whole, byte by byte, across pieces, in an archive', async () => {
      const scanner = open()
      const behind = Buffer.concat([Buffer.alloc(1 * MiB), eicar()])
      for (const source of [
        bytesSource(eicar()),
        piecesSource(eicar(), 1),
        piecesSource(eicar(), 33),
        bytesSource(behind),
        piecesSource(behind, 128 * 1024 + 1),
        bytesSource(zipOf('a.txt', eicar())),
        bytesSource(zipOf('a.zip', zipOf('b.txt', eicar()))),
      ])
        expect(await scanner.scan(source, about)).toMatchObject(found)
    })

    test('2.10-11 what is too long is unscannable, also when clamd closes while it is sent, every time', async () => {
      const scanner = open()
      for (let times = 0; times < 15; times++) {
        const source = tracked(zerosSource(16 * MiB))
        expect(await scanner.scan(source, about)).toMatchObject({
          verdict: 'unscannable',
          reason: 'size-limit',
        })
        expect(source.streams[0]?.destroyed).toBe(true)
      }
      expect(await scanner.scan(bytesSource(eicar()), about)).toMatchObject(found)
    })

    test('2.10-21 what clamd stopped looking into is unscannable: a bomb of 20 KB, a file above its limit', async () => {
      const scanner = open()
      const bomb = zipOf('a', Buffer.alloc(20 * MiB))
      expect(bomb.length).toBeLessThan(30_000)
      for (const source of [bytesSource(bomb), zerosSource(3 * MiB)])
        expect(await scanner.scan(source, about)).toMatchObject({
          verdict: 'unscannable',
          reason: 'limits-exceeded',
        })
    })

    test('2.10-12 an encrypted archive is unscannable', async () => {
      const encrypted = zipOf('a.txt', Buffer.from('secret'), { isEncrypted: true })
      expect(await open().scan(bytesSource(encrypted), about)).toMatchObject({
        verdict: 'unscannable',
        reason: 'encrypted',
      })
    })
  })

  test('20 scans at once each get their own verdict over 3 connections', async () => {
    const scanner = opened({ port: clamd.port, maxConcurrency: 3 })
    const sources = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? bytesSource(eicar()) : textSource(`clean ${index}`),
    )
    const verdicts = await Promise.all(sources.map((source) => scanner.scan(source, about)))
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(
      sources.map((_, index) => (index % 2 === 0 ? 'infected' : 'clean')),
    )
  })

  test('a database that came meanwhile is noticed, and looks', async () => {
    const scanner = opened({ port: clamd.port })
    const mine = { name: 'Mine', bytes: Buffer.from('a body of mine') }
    const before = await scanner.version()
    expect(await scanner.scan(bytesSource(mine.bytes), about)).toEqual({ verdict: 'clean', ...before })
    await clamd.reload([mine])
    const after = await scanner.version()
    expect(after.database).not.toBe(before.database)
    expect(await scanner.scan(bytesSource(mine.bytes), about)).toEqual({
      verdict: 'infected',
      signature: 'Mine.UNOFFICIAL',
      ...after,
    })
    await clamd.reload()
  })

  test('2.10-08 a clamd that stands still is given up in time, and scans again when it goes on', async () => {
    const scanner = opened({ port: clamd.port, idleTimeoutMs: 200 })
    const body = Buffer.alloc(3 * MiB)
    const pausing = (start: number): undefined => {
      if (start > 0) clamd.pause()
    }
    try {
      for (const source of [
        piecesSource(body.subarray(0, 20), 10, pausing),
        piecesSource(body, body.length / 3, pausing),
        textSource('while it stands still'),
      ]) {
        await expect(scanner.scan(source, about)).rejects.toMatchObject({
          code: 'MEDIA_UNAVAILABLE',
          reason: 'scanner-timeout',
          retryable: true,
        })
      }
    } finally {
      clamd.resume()
    }
    expect(await opened({ port: clamd.port }).scan(bytesSource(eicar()), about)).toMatchObject(found)
  })
})

await describeOn(
  'on a clamd that is killed',
  missingClamdReason(),
  () => startClamd(),
  (clamd) => {
    test('a scan whose clamd dies on the way throws, as do those after it', async () => {
      const scanner = opened({ port: clamd.port })
      const source = tracked(
        piecesSource(eicar(), 34, (start) => {
          if (start > 0) clamd.kill()
          return undefined
        }),
      )
      await expect(scanner.scan(source, about)).rejects.toMatchObject({
        code: 'MEDIA_UNAVAILABLE',
        reason: 'scanner-closed',
      })
      expect(source.streams[0]?.destroyed).toBe(true)
      for (const address of [{ port: clamd.port }, { socketPath: clamd.socketPath }])
        await expect(opened(address).scan(textSource('next'), about)).rejects.toMatchObject({
          code: 'MEDIA_UNAVAILABLE',
          // It may still be dying.
          reason: expect.stringMatching(/^scanner-(closed|unreachable)$/),
        })
    })
  },
)

const lenient = (): ReturnType<typeof startClamd> =>
  startClamd({ settings: { AlertEncrypted: 'no', AlertExceedsMax: 'no', MaxScanSize: '2M' } })
await describeOn('on a clamd without the two alerts', missingClamdReason(), lenient, (clamd) => {
  test('what it did not look into is called clean: why the guide asks for two settings', async () => {
    const scanner = opened({ port: clamd.port })
    for (const bytes of [
      zipOf('a', Buffer.alloc(20 * MiB)),
      zipOf('a.txt', Buffer.from('secret'), { isEncrypted: true }),
    ])
      expect(await scanner.scan(bytesSource(bytes), about)).toMatchObject({ verdict: 'clean' })
  })
})
