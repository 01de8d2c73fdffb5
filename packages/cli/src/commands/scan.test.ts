import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMediaStore } from '../open-media-store.ts'
import { type Answer, runIn } from '../program.fixture.ts'

/** As much of a clamd as the client asks: everything with the word is infected. */
function clamd(word: () => string): Server {
  return createServer((socket) => {
    let seen = Buffer.alloc(0)
    let body: Buffer[] | undefined
    let id = 0
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      seen = Buffer.concat([seen, chunk])
      for (;;) {
        if (body !== undefined) {
          if (seen.length < 4) return
          const sizeBytes = seen.readUInt32BE(0)
          if (seen.length < 4 + sizeBytes) return
          body.push(seen.subarray(4, 4 + sizeBytes))
          seen = seen.subarray(4 + sizeBytes)
          if (sizeBytes > 0) continue
          const isBad = word() !== '' && Buffer.concat(body).includes(word())
          body = undefined
          socket.write(`${id}: stream: ${isBad ? 'Test.Word FOUND' : 'OK'}\0`)
          continue
        }
        const end = seen.indexOf(0)
        if (end < 0) return
        const command = seen.subarray(0, end).toString()
        seen = seen.subarray(end + 1)
        if (command === 'zIDSESSION') continue
        id += 1
        if (command === 'zVERSION')
          socket.write(`${id}: ClamAV 1.4.3/${word().length + 100}/Sun Nov 22 04:00:00 2026\0`)
        else if (command === 'zPING') socket.write(`${id}: PONG\0`)
        else if (command === 'zINSTREAM') body = []
        else if (command === 'zEND') socket.end()
      }
    })
  })
}

let folder: string
let word = 'worm'
let server: Server
let env: Record<string, string>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-scan-'))
  word = 'worm'
  server = clamd(() => word).listen(join(folder, 'clamd.sock'))
  env = { MEDIAKEEP_SCANNER: `unix:${join(folder, 'clamd.sock')}` }
})
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

const run = (...args: string[]): Promise<Answer> => runIn(folder, args, { env })
const put = async (text: string, key: string): Promise<Record<string, string>> => {
  await writeFile(join(folder, `${key}.txt`), text)
  const { code, out, err } = await run('put', `${key}.txt`, '--key', key, '--json')
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Record<string, string>
}

describe('mediakeep scan', () => {
  it('looks at all that an older database looked at, tells what was found, and release lets it out', async () => {
    const bad = await put('a worm', 'bad')
    expect(bad['state']).toBe('quarantined')
    const bug = await put('a bug', 'bug')
    expect(bug['state']).toBe('active')
    await put('nothing', 'good')
    word = 'a bug'
    const { code, out } = await run('scan', '--stale', '--json')
    expect(code).toBe(3)
    expect(JSON.parse(out)).toEqual({
      scanned: 3,
      clean: 2,
      infected: 1,
      unscannable: 0,
      failed: 0,
      changed: 1,
    })
    expect(await run('scan', 'key:good')).toMatchObject({ code: 0, out: expect.stringContaining('active') })
    expect((await run('scan', 'key:bug', '--json')).out).toContain('quarantined')
    expect((await run('scan', '--all')).out).toContain('3 looked at: 2 clean, 1 infected')

    const wrong = `sha256:${'0'.repeat(64)}`
    expect(await run('release', 'key:bug', '--digest', wrong)).toMatchObject({ code: 1 })
    expect(await run('release', 'key:bug', '--digest', 'x')).toMatchObject({ code: 2 })
    expect(await run('release', 'key:bug', '--digest', bug['digest'] ?? '')).toMatchObject({ code: 0 })
    expect((await run('get', 'key:bug')).out).toBe('a bug')
  }, 60_000)

  it('is refused where it is not told what to look at, or there is nobody who looks', async () => {
    expect(await run('scan', '--all', '--stale')).toMatchObject({ code: 2 })
    expect(await runIn(folder, ['scan'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('no scanner'),
    })
    for (const [name, value] of [
      ['MEDIAKEEP_SCANNER', 'nowhere'],
      ['MEDIAKEEP_SCANNING', '{"mode":"later"}'],
      ['MEDIAKEEP_POLICIES', '[{"match":"image"}]'],
      ['MEDIAKEEP_OWNER_BYTES', 'much'],
      ['MEDIAKEEP_MAX_OPEN_UPLOADS', '0'],
    ] as const)
      expect(await runIn(folder, ['ls'], { env: { [name]: value } })).toMatchObject({
        code: 2,
        err: expect.stringContaining(name),
      })
  })

  it('fails a put while nobody can look, and takes none over the limits of the settings', async () => {
    await writeFile(join(folder, 'a.txt'), 'a note')
    const settings = { ...env, MEDIAKEEP_OWNER_BYTES: '5' }
    expect(await runIn(folder, ['put', 'a.txt'], { env: settings })).toMatchObject({
      code: 1,
      err: expect.stringContaining('MEDIA_QUOTA'),
    })
    const rules = { MEDIAKEEP_POLICIES: '[{"match":"text/plain","refuse":true},{"match":"*"}]' }
    expect(await runIn(folder, ['put', 'a.txt'], { env: rules })).toMatchObject({
      code: 1,
      err: expect.stringContaining('MEDIA_TYPE_REFUSED'),
    })
    await new Promise((resolve) => server.close(resolve))
    expect(await run('put', 'a.txt')).toMatchObject({
      code: 1,
      err: expect.stringContaining('MEDIA_UNAVAILABLE'),
    })
    expect((await runIn(folder, ['ls'])).out).toBe('')
  }, 60_000)
})

describe('mediakeep sessions', () => {
  it('lists uploads under way without their secrets, and ends them', async () => {
    const store = await openMediaStore(join(folder, 'data'), { upkeep: { intervalMs: 0 } })
    const made = { door: 'chunked', sizeBytes: 300_000, filename: 'a.bin' } as const
    const upload = await store.uploads.create({ ...made, owner: 'ann' })
    await store.uploads.create({ ...made, owner: 'bob' })
    await store.uploads.putChunk(upload.id, Buffer.alloc(300_000, 1), { index: 0 })
    await store.close()

    const lines = (await run('sessions', '--json')).out.trim().split('\n')
    expect(lines).toHaveLength(2)
    const { code, out } = await run('sessions', '--owner', 'ann', '--json')
    expect(code).toBe(0)
    const session = JSON.parse(out) as Record<string, unknown>
    expect(session).toMatchObject({
      ...{ owner: 'ann', door: 'chunked', filename: 'a.bin', state: 'received' },
      ...{ receivedBytes: 300_000, declaredBytes: 300_000 },
    })
    expect(out).not.toContain(upload.id.slice(-22))
    const id = String(session['id'])
    expect(await run('sessions', 'abort', id)).toMatchObject({ code: 0, out: `aborted  ${id}\n` })
    expect(await run('sessions', 'abort', id)).toMatchObject({ code: 1, out: `not there  ${id}\n` })
    expect((await run('sessions')).out).not.toContain('ann')
  })
})
