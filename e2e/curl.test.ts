import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MediaStore } from '@mediakeep/core'
import { mediaRouter, ownersOnly } from '@mediakeep/express'
import { openMediaStore } from 'mediakeep'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type FixtureName, fixtures } from '../scripts/fixtures.mjs'
import { blobsOnDisk } from './quick-start/example-server.ts'
import { describeWithMedia } from './real-media.ts'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

/** Runs the real curl and reads what it got; interim answers (100 Continue) are passed over. */
function curl(...args: string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: MAX_ANSWER_BYTES } as const
    execFile('curl', ['-sS', '-i', '--max-time', '60', ...args], options, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`curl ${args.join(' ')}: ${stderr.toString()}`, { cause: error }))
      else resolve(parseAnswer(stdout))
    })
  })
}

function parseAnswer(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const rest = bytes.subarray(end + 4)
  if (status < 200) return parseAnswer(rest)
  const headers = new Headers()
  for (const line of lines)
    headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim())
  return { status, headers, body: rest }
}

const json = ({ body }: Answer) => JSON.parse(body.toString())
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Real kinds that must come back as they went in, under their own type. */
const kinds: readonly FixtureName[] = [
  'photo.jpg',
  'photo.png',
  'photo.webp',
  'photo.avif',
  'moving.gif',
  'drawing.svg',
  'video.mp4',
  'video.webm',
  'song.mp3',
  'sound.wav',
  'paper.pdf',
  'notes.txt',
]

describeWithMedia('curl against a store of two owners', () => {
  let data: string
  let store: MediaStore
  let server: Server
  let base: string

  // One store for all: making a volume syncs 256 folders. Each test has owners of its own.
  beforeAll(async () => {
    await fixtures()
    data = await mkdtemp(join(tmpdir(), 'mediakeep-curl-'))
    store = await openMediaStore(data)
    const access = ownersOnly({
      authenticate: ({ headers }) => {
        const id = headers['x-user']
        return typeof id === 'string' ? { id } : undefined
      },
    })
    server = createServer(mediaRouter(store, { access, basePath: '/media' }))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/media`
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => {
      server.close(resolve)
    })
    await store.close()
    await rm(data, { recursive: true, force: true })
  })

  let tests = 0
  beforeEach(() => {
    tests += 1
  })
  const as = (user: string, ...args: string[]): Promise<Answer> =>
    curl('-H', `X-User: ${user}-${tests}`, ...args)
  const ann = (...args: string[]): Promise<Answer> => as('ann', ...args)
  const pathOf = async (name: FixtureName): Promise<string> => (await fixtures())[name].path
  async function putVideo(): Promise<Buffer> {
    const path = await pathOf('video.mp4')
    expect((await ann('-T', path, `${base}/k/${tests}/video.mp4`)).status).toBe(201)
    return readFile(path)
  }

  it.each(kinds)('-F file=@%s gives the same bytes back under the right type', async (name) => {
    const { path, contentType } = (await fixtures())[name]
    const bytes = await readFile(path)
    const created = await ann('-F', `file=@${path}`, base)
    expect(created.status).toBe(201)
    const media = json(created)
    expect(created.headers.get('location')).toBe(`/media/${media.id}`)
    expect(media).toMatchObject({
      digest: digestOf(bytes),
      sizeBytes: bytes.length,
      filename: name,
      owner: `ann-${tests}`,
      state: 'active',
      availability: 'ready',
      revision: 1,
    })
    const got = await ann(`${base}/${media.id}/content`)
    expect(got.status).toBe(200)
    expect(got.headers.get('content-type')?.split(';')[0]).toBe(contentType)
    expect(media.contentType).toBe(contentType)
    expect(got.headers.get('content-length')).toBe(String(bytes.length))
    expect(got.body.equals(bytes)).toBe(true)
  })

  it.each(kinds)('-T %s to a key creates and gives the same bytes back', async (name) => {
    const { path, contentType } = (await fixtures())[name]
    const bytes = await readFile(path)
    const created = await ann('-T', path, `${base}/k/${tests}/${name}`)
    expect(created.status).toBe(201)
    expect(json(created)).toMatchObject({ key: `${tests}/${name}`, digest: digestOf(bytes), contentType })
    const got = await ann(`${base}/k/${tests}/${name}`)
    expect(got.headers.get('content-type')?.split(';')[0]).toBe(contentType)
    expect(got.body.equals(bytes)).toBe(true)
  })

  it.each([
    ['the first hundred', '0-99', (size: number) => [0, 99, size]],
    ['the last byte', '-1', (size: number) => [size - 1, size - 1, size]],
    ['the last thousand', '-1000', (size: number) => [size - 1000, size - 1, size]],
    ['an open end', '1000000-', (size: number) => [1_000_000, size - 1, size]],
    ['across the 64 KiB chunks', '65530-131080', (size: number) => [65_530, 131_080, size]],
  ] as const)('answers a range: %s', async (_name, range, expected) => {
    const bytes = await putVideo()
    const [start, end, size] = expected(bytes.length)
    const got = await ann('-r', range, `${base}/k/${tests}/video.mp4`)
    expect(got.status).toBe(206)
    expect(got.headers.get('content-range')).toBe(`bytes ${start}-${end}/${size}`)
    expect(got.body.equals(bytes.subarray(start, Number(end) + 1))).toBe(true)
  })

  it('answers several ranges as multipart/byteranges with each part whole', async () => {
    const bytes = await putVideo()
    const got = await ann('-r', '0-9,1000-1009', `${base}/k/${tests}/video.mp4`)
    expect(got.status).toBe(206)
    const boundary = /^multipart\/byteranges; ?boundary="?([^"]+)"?$/.exec(
      got.headers.get('content-type') ?? '',
    )?.[1]
    expect(boundary).toBeDefined()
    const text = got.body.toString('latin1')
    expect(text.split(`--${boundary}`)).toHaveLength(4)
    for (const [start, end] of [
      [0, 9],
      [1000, 1009],
    ] as const) {
      const head = text.indexOf(`bytes ${start}-${end}/${bytes.length}`)
      expect(head).toBeGreaterThan(0)
      const from = text.indexOf('\r\n\r\n', head) + 4
      expect(got.body.subarray(from, from + 10).equals(bytes.subarray(start, end + 1))).toBe(true)
    }
  })

  it('refuses a range behind the end with 416 and the size', async () => {
    const bytes = await putVideo()
    const got = await ann('-r', `${bytes.length}-`, `${base}/k/${tests}/video.mp4`)
    expect(got.status).toBe(416)
    expect(got.headers.get('content-range')).toBe(`bytes */${bytes.length}`)
  })

  it('answers If-None-Match with 304 and no body, and with the bytes once they changed', async () => {
    const url = `${base}/k/${tests}/photo`
    await ann('-T', await pathOf('photo.jpg'), url)
    const etag = (await ann('-I', url)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const unchanged = await ann('-H', `If-None-Match: ${etag}`, url)
    expect(unchanged.status).toBe(304)
    expect(unchanged.body).toHaveLength(0)
    expect(unchanged.headers.get('etag')).toBe(etag)
    await ann('-T', await pathOf('photo.png'), url)
    const changed = await ann('-H', `If-None-Match: ${etag}`, url)
    expect(changed.status).toBe(200)
    expect(changed.headers.get('content-type')).toBe('image/png')
  })

  it('replaces by key: 200, the same id, the new digest, the next revision', async () => {
    const url = `${base}/k/${tests}/photo`
    const before = json(await ann('-T', await pathOf('photo.jpg'), url))
    const replaced = await ann('-T', await pathOf('photo.webp'), url)
    expect(replaced.status).toBe(200)
    const after = json(replaced)
    expect(after.id).toBe(before.id)
    expect(after.digest).toBe(digestOf(await readFile(await pathOf('photo.webp'))))
    expect(after.revision).toBeGreaterThan(before.revision)
  })

  it('keeps what is there when If-None-Match: * or a stale If-Match says so', async () => {
    const url = `${base}/k/${tests}/photo`
    const first = await ann('-H', 'If-None-Match: *', '-T', await pathOf('photo.jpg'), url)
    expect(first.status).toBe(201)
    const etag = (await ann('-I', url)).headers.get('etag') ?? ''
    expect((await ann('-H', 'If-None-Match: *', '-T', await pathOf('photo.png'), url)).status).toBe(412)
    expect((await ann('-H', `If-Match: ${etag}`, '-T', await pathOf('photo.png'), url)).status).toBe(200)
    expect((await ann('-H', `If-Match: ${etag}`, '-T', await pathOf('photo.webp'), url)).status).toBe(412)
    expect((await ann('-I', url)).headers.get('content-type')).toBe('image/png')
  })

  it('deletes with 204, then answers 404', async () => {
    const { id } = json(await ann('-F', `file=@${await pathOf('photo.jpg')}`, base))
    expect((await ann('-X', 'DELETE', `${base}/${id}`)).status).toBe(204)
    expect((await ann(`${base}/${id}/content`)).status).toBe(404)
    expect((await ann(`${base}/${id}`)).status).toBe(404)
    expect((await ann('-X', 'DELETE', `${base}/${id}`)).status).toBe(404)
  })

  it('lists by cursor: every record once, newest first, to the end', async () => {
    const made: string[] = []
    for (const name of kinds) made.unshift(json(await ann('-F', `file=@${await pathOf(name)}`, base)).id)
    const seen: string[] = []
    let url: string | undefined = `${base}?owner=ann-${tests}&limit=5`
    let pages = 0
    while (url !== undefined) {
      const answer = await ann(url)
      expect(answer.status).toBe(200)
      const page: { items: { id: string }[]; nextCursor?: string } = json(answer)
      expect(page.items.length).toBeLessThanOrEqual(5)
      seen.push(...page.items.map(({ id }) => id))
      pages += 1
      const next = /<([^>]+)>; ?rel="?next"?/.exec(answer.headers.get('link') ?? '')?.[1]
      expect(next === undefined).toBe(page.nextCursor === undefined)
      url = next === undefined ? undefined : new URL(next, url).href
    }
    expect(seen).toEqual(made)
    expect(pages).toBe(3)
  })

  it('keeps the same bytes of two owners as two records and one blob, each seeing its own', async () => {
    const path = await pathOf('photo.jpg')
    const anns = json(await ann('-F', `file=@${path}`, base))
    const bens = json(await as('ben', '-F', `file=@${path}`, base))
    expect(bens.id).not.toBe(anns.id)
    expect(bens.digest).toBe(anns.digest)
    const { length } = await readFile(path)
    await expect.poll(() => blobsOnDisk(data, anns.digest)).toEqual({ files: 1, bytes: length })
    expect((await as('ben', `${base}/${anns.id}/content`)).status).toBe(404)
    expect((await ann('-X', 'DELETE', `${base}/${anns.id}`)).status).toBe(204)
    expect((await as('ben', `${base}/${bens.id}/content`)).body).toHaveLength(length)
  })

  it('keeps 24 uploads of one body at the same time as 24 records and one blob', async () => {
    // Bytes that no other test has put in: a player reads over what stands behind a film.
    const body = Buffer.concat([await readFile(await pathOf('video.mp4')), Buffer.from('only here')])
    const path = join(data, 'film.mp4')
    await writeFile(path, body)
    const answers = await Promise.all(Array.from({ length: 24 }, () => ann('-F', `file=@${path}`, base)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 24 }, () => 201))
    expect(new Set(answers.map((answer) => json(answer).id)).size).toBe(24)
    expect(new Set(answers.map((answer) => json(answer).digest))).toEqual(new Set([digestOf(body)]))
    await expect
      .poll(() => blobsOnDisk(data, digestOf(body)), { timeout: 10_000 })
      .toEqual({ files: 1, bytes: body.length })
  })

  it('gives the right bytes after many clients left in the middle of theirs', async () => {
    const bytes = await putVideo()
    const url = `${base}/k/${tests}/video.mp4`
    const headers = { 'X-User': `ann-${tests}` }
    // Readers that leave give back the blocks they were lent: one given back twice would be lent to two at once.
    for (let left = 0; left < 30; left++) {
      const leave = new AbortController()
      const { body } = await fetch(url, { headers, signal: leave.signal })
      await body?.getReader().read()
      leave.abort()
    }
    const read = async (start: number): Promise<boolean> => {
      const answer = await fetch(url, { headers: { ...headers, Range: `bytes=${start}-` } })
      return Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(start))
    }
    const right = await Promise.all(Array.from({ length: 12 }, (_, index) => read(index * 100_000)))
    expect(right).toEqual(Array.from({ length: 12 }, () => true))
  })

  it('downloads under the name it came with, also when the name is not ASCII', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mediakeep-name-'))
    try {
      const path = join(folder, 'Größe, "neu".txt')
      await writeFile(path, 'text')
      const { id, filename } = json(await ann('-F', `file=@"${path.replaceAll('"', '\\"')}"`, base))
      const got = await ann(`${base}/${id}/download`)
      expect(got.headers.get('content-disposition')).toMatch(/^attachment;/)
      expect(got.headers.get('content-disposition')).toContain(
        `filename*=UTF-8''${encodeURIComponent(filename)}`,
      )
      expect(filename).toContain('Größe')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('refuses an archive, which no default policy names', async () => {
    const refused = await ann('-F', `file=@${await pathOf('bundle.zip')}`, base)
    expect(refused.status).toBe(415)
    expect(json(refused)).toMatchObject({ code: 'MEDIA_TYPE_REFUSED', reason: 'type-not-allowed' })
  })

  it('refuses what the extension and the declared type do not say', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mediakeep-fake-'))
    try {
      const path = join(folder, 'photo.jpg')
      await writeFile(path, await readFile(await pathOf('paper.pdf')))
      const refused = await ann('-F', `file=@${path};type=image/jpeg`, base)
      expect(refused.status).toBe(415)
      expect(json(refused)).toMatchObject({ status: 415, code: 'MEDIA_TYPE_REFUSED' })
      expect(await store.list({ owner: `ann-${tests}` })).toMatchObject({ items: [] })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
