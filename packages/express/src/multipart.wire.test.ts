import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { type MediaEvent, type MediaStore, memoryStore } from '@mediakeep/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { continueOnRead } from './continue-on-read.ts'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { formOf, memoryMedia, PNG, serve, type Wire, writable } from './wire.fixture.ts'

const events: MediaEvent[] = []
const errors: unknown[] = []
const memory = memoryStore()
let store: MediaStore
let wire: Wire

beforeAll(async () => {
  store = await memoryMedia({
    tiers: [{ name: 'memory', store: memory }],
    policies: [{ match: '*', maxBytes: 1_000_000, allowUnrecognised: true }],
    observer: (event) => events.push(event),
  })
  wire = await serve(mediaRouter(store, { access: openAccess(), onError: (error) => errors.push(error) }))
  continueOnRead(wire.server)
})
afterAll(async () => {
  await wire.close()
  await store.close()
})

/** Nothing of a refused upload may stay: no record, no object, no session, no staged byte. */
async function expectNothing(): Promise<void> {
  expect(errors).toEqual([]) // not one of the rows below is our failure
  expect((await store.list()).items).toEqual([])
  expect((await memory.list()).objects).toEqual([])
  expect(await store.uploads.list()).toEqual([])
  expect(memory.staging?.usedBytes ?? 0).toBe(0)
}

const FILE = 'Content-Disposition: form-data; name="file"; filename="a.png"'
const part = (headers: string, body = 'x'): string => `--B\r\n${headers}\r\n\r\n${body}\r\n`

/** A whole request on a connection of its own; the body is exactly `body`. */
function rawPost(contentType: string, body: string | Buffer, more = ''): Promise<string> {
  const bytes = Buffer.from(body)
  return wire.raw(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n${more}\r\n`,
    bytes,
  )
}

function expectProblem(answer: string, status: number, code: string, reason?: string): void {
  expect(answer.split('\r\n', 1)[0]).toContain(` ${status} `)
  const problem = JSON.parse(answer.slice(answer.lastIndexOf('\r\n\r\n{') + 4)) as Record<string, unknown>
  expect(problem).toMatchObject({ status, code, ...(reason === undefined ? {} : { reason }) })
}

const FORM = 'multipart/form-data; boundary=B'

describe('a hostile form is refused and leaves nothing', () => {
  const many = Array.from({ length: 5_000 }, (_, index) =>
    part(`Content-Disposition: form-data; name="f${index}"`),
  ).join('')
  const rows: readonly (readonly [
    row: string,
    contentType: string,
    body: string,
    status: number,
    code: string,
    reason: string,
  ])[] = [
    ['2.1-01 no boundary', 'multipart/form-data', part(FILE), 400, 'MEDIA_BAD_INPUT', 'malformed-multipart'],
    [
      '2.1-02 boundary of 71 characters',
      `multipart/form-data; boundary=${'b'.repeat(71)}`,
      part(FILE),
      400,
      'MEDIA_BAD_INPUT',
      'malformed-multipart',
    ],
    [
      '2.1-03 boundary with bad characters',
      'multipart/form-data; boundary="a;\u00a7"',
      part(FILE),
      400,
      'MEDIA_BAD_INPUT',
      'malformed-multipart',
    ],
    [
      '2.1-04 body ends before the terminator',
      FORM,
      part(FILE, PNG.toString('latin1')),
      400,
      'MEDIA_BAD_INPUT',
      'incomplete-body',
    ],
    [
      '2.1-07 part header of 20 KB',
      FORM,
      `${part(`${FILE}\r\nX: ${'x'.repeat(20_000)}`)}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'malformed-multipart',
    ],
    [
      '2.1-08 3,000 part headers',
      FORM,
      `${part(`${FILE}\r\n${'A: b\r\n'.repeat(2_999)}C: d`)}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'malformed-multipart',
    ],
    ['2.1-09 5,000 fields', FORM, `${many}--B--`, 413, 'MEDIA_TOO_LARGE', 'too-many-parts'],
    [
      '2.1-10 three files where one is allowed',
      FORM,
      `${part(FILE).repeat(3)}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'too-many-files',
    ],
    [
      '2.1-11 field of 2 MB',
      FORM,
      `${part('Content-Disposition: form-data; name="tags"', 'x'.repeat(900_000))}--B--`,
      413,
      'MEDIA_TOO_LARGE',
      'field-too-large',
    ],
    [
      '2.1-12 field name of 1 KB',
      FORM,
      `${part(`Content-Disposition: form-data; name="${'n'.repeat(1_025)}"`)}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-field-name',
    ],
    [
      '2.1-13 __proto__',
      FORM,
      `${part('Content-Disposition: form-data; name="__proto__"')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-field-name',
    ],
    [
      '2.1-13 constructor',
      FORM,
      `${part('Content-Disposition: form-data; name="constructor"')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-field-name',
    ],
    [
      '2.1-13 a name nested 1,000 deep',
      FORM,
      `${part(`Content-Disposition: form-data; name="a${'[b]'.repeat(1_000)}"`)}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-field-name',
    ],
    [
      '2.1-14 part without Content-Disposition',
      FORM,
      `${part('Content-Type: image/png')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'missing-disposition',
    ],
    [
      '2.1-15 file part without name',
      FORM,
      `${part('Content-Disposition: form-data; filename="a.png"')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-field-name',
    ],
    [
      '2.1-16 NUL in the file name',
      FORM,
      `${part('Content-Disposition: form-data; name="file"; filename="a\0.png"')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-filename',
    ],
    [
      '2.1-17 filename and filename* differ',
      FORM,
      `${part("Content-Disposition: form-data; name=file; filename=a.png; filename*=UTF-8''b.php")}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'ambiguous-filename',
    ],
    [
      '2.1-18 two filename parameters',
      FORM,
      `${part('Content-Disposition: form-data; name=file; filename=a.png; filename=b.png')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'ambiguous-filename',
    ],
    [
      '2.1-20 lines that end in LF alone',
      FORM,
      `${part(FILE)}--B--`.replaceAll('\r\n', '\n'),
      400,
      'MEDIA_BAD_INPUT',
      'malformed-multipart',
    ],
    [
      '2.1-21 multipart/mixed in a form',
      FORM,
      `${part(`${FILE}\r\nContent-Type: multipart/mixed; boundary=C`)}--B--`,
      415,
      'MEDIA_TYPE_REFUSED',
      'nested-multipart',
    ],
    [
      '2.1-22 base64',
      FORM,
      `${part(`${FILE}\r\nContent-Transfer-Encoding: base64`)}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'unsupported-encoding',
    ],
    [
      '2.1-25 empty field name (CVE-2025-48997)',
      FORM,
      `${part('Content-Disposition: form-data; name=""; filename="a.png"')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'invalid-field-name',
    ],
    [
      '2.1-26 malformed disposition (CVE-2025-7338)',
      FORM,
      `${part('Content-Disposition: form-data; name="file; filename=')}--B--`,
      400,
      'MEDIA_BAD_INPUT',
      'malformed-multipart',
    ],
    [
      '2.1-27 broken form after the whole file (CVE-2026-3304)',
      FORM,
      `${part(FILE, PNG.toString('latin1'))}--B\r\nbroken`,
      400,
      'MEDIA_BAD_INPUT',
      'incomplete-body',
    ],
    [
      '2.1-28 header that never ends (CVE-2022-24434)',
      FORM,
      '--B\r\nContent-Disposition: form-data; name="file',
      400,
      'MEDIA_BAD_INPUT',
      'incomplete-body',
    ],
    ['2.1-29 form without file', FORM, '--B--\r\n', 400, 'MEDIA_BAD_INPUT', 'missing-file'],
  ]
  it.each(rows)('%s', async (_, contentType, body, status, code, reason) => {
    expectProblem(await rawPost(contentType, Buffer.from(body, 'latin1')), status, code, reason)
    await expectNothing()
    expect(Object.prototype).not.toHaveProperty('b')
  })

  it('2.1-05 a client that closes in the middle of the file', async () => {
    events.length = 0
    const socket = await wire.socket()
    socket.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM}\r\nContent-Length: 500000\r\n\r\n${part(FILE, '').slice(0, -2)}`,
    )
    await new Promise((resolve) => socket.write(Buffer.concat([PNG, Buffer.alloc(200_000)]), resolve))
    socket.end()
    await expect.poll(() => events.map(({ type }) => type), { timeout: 5_000 }).toContain('upload.refused')
    await expectNothing()
  })

  it('2.1-06 a client that resets in the middle of the file', async () => {
    events.length = 0
    const socket = await wire.socket()
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const head = Buffer.concat([Buffer.from(part(FILE, '').slice(0, -2)), PNG, Buffer.alloc(300_000)])
    const sent = new Promise((resolve) =>
      socket.write(
        Buffer.concat([Buffer.from(`${head.length.toString(16)}\r\n`), head, Buffer.from('\r\n')]),
        resolve,
      ),
    )
    await sent
    socket.resetAndDestroy()
    await expect.poll(() => events.map(({ type }) => type), { timeout: 5_000 }).toContain('upload.refused')
    await expectNothing()
  })

  it.each([
    ['../../etc/passwd', 'passwd'],
    ['..\\\\..\\\\boot.ini', 'boot.ini'],
    ['/etc/shadow', 'shadow'],
    ['C:\\\\dir\\\\a.png', 'a.png'],
    ['a.png::$DATA', 'a.png'],
    ['a.png . .', 'a.png'],
    ['a\u202egnp', 'agnp'],
    [`${'n'.repeat(4_096)}.png`, `${'n'.repeat(251)}.png`],
    ['CON', '_CON'],
    ['NUL.png', '_NUL.png'],
    ['AUX', '_AUX'],
  ])('2.1-19 the name of case %# is cleaned, and the media stored', async (sent, kept) => {
    const form = formOf([['file', kept.endsWith('.png') ? PNG : Buffer.from('no magic here'), sent]])
    const answer = await wire.ask('/', { method: 'POST', ...form })
    expect([answer.status, answer.json['filename']]).toEqual([201, kept])
    expect(answer.id).not.toContain('passwd')
    await store.delete(answer.id)
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
  })

  it('2.1-23 a gzip bomb as request coding', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000))
    for (const contentType of [FORM, 'image/png']) {
      expectProblem(
        await rawPost(contentType, bomb, 'Content-Encoding: gzip\r\n'),
        415,
        'MEDIA_TYPE_REFUSED',
        'unsupported-content-encoding',
      )
    }
    await expectNothing()
  })

  it.each([[FORM], ['image/png']])(
    '2.1-24 a declared length over the limit of %s is refused before the body, and the connection closed',
    async (contentType) => {
      const answer = await wire.raw(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${contentType}\r\nContent-Length: 50000000\r\n\r\n`,
      )
      expectProblem(answer, 413, 'MEDIA_TOO_LARGE')
      expect(answer).toMatch(/\r\nConnection: close\r\n/)
    },
  )

  it('2.1-24 Expect: 100-continue of too large a body gets 413 and no 100', async () => {
    const answer = await wire.raw(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 50000000\r\nExpect: 100-continue\r\n\r\n',
    )
    expect(answer).not.toContain('100 Continue')
    expectProblem(answer, 413, 'MEDIA_TOO_LARGE')
  })

  it('2.1-24 Expect: 100-continue of a body that is admitted gets 100 and then its answer', async () => {
    const socket = await wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write(
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: image/png\r\nContent-Length: ${PNG.length}\r\nExpect: 100-continue\r\n\r\n`,
    )
    await expect.poll(() => text).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(PNG)
    await once(socket, 'close')
    expect(text).toContain('HTTP/1.1 201 Created')
    const [media] = (await store.list()).items
    await store.delete(media?.id ?? '')
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
  })

  it('Expect with anything else gets 417', async () => {
    expect(
      await wire.raw(
        'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\nExpect: tea\r\n\r\nabcde',
      ),
    ).toContain(' 417 ')
  })

  it('a file that grows over the limit while it comes is cut there, with 413 that reaches the sender', async () => {
    const socket = await wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    const head = Buffer.from(part(FILE, '').slice(0, -2) + PNG.toString('latin1'), 'latin1')
    socket.write(Buffer.concat([Buffer.from(`${head.length.toString(16)}\r\n`), head, Buffer.from('\r\n')]))
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    for (let sent = 0; sent < 200 && !socket.destroyed && text === ''; sent++) {
      if (!socket.write(chunk)) await writable(socket)
    }
    if (!socket.closed) await once(socket, 'close')
    expectProblem(text, 413, 'MEDIA_TOO_LARGE')
    expect(text).toMatch(/\r\nConnection: close\r\n/)
    await expectNothing()
  })

  it('1,000 aborted uploads leave no descriptor and no memory behind', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length
    const abort = async (): Promise<void> => {
      const socket = await wire.socket()
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM}\r\nContent-Length: 100000\r\n\r\n`)
      await new Promise((resolve) =>
        socket.write(
          Buffer.concat([Buffer.from(part(FILE, '').slice(0, -2)), PNG, Buffer.alloc(4_000)]),
          resolve,
        ),
      )
      socket.resetAndDestroy()
    }
    const round = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 20) await Promise.all(Array.from({ length: 20 }, abort))
      await expect
        .poll(() => new Promise((resolve) => wire.server.getConnections((_, open) => resolve(open))), {
          timeout: 10_000,
        })
        .toBe(0)
    }
    await round(200)
    const before = { fds: descriptors(), rss: process.memoryUsage.rss() }
    await round(1_000)
    await expect.poll(descriptors, { timeout: 5_000 }).toBeLessThanOrEqual(before.fds)
    expect(process.memoryUsage.rss() - before.rss).toBeLessThan(64 * 1024 * 1024)
    await expectNothing()
  }, 60_000)
})
