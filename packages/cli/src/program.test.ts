import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Media } from '@mediakeep/core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Answer, NO_ENV, type RunOptions, runIn } from './program.fixture.ts'

/** Each command opens the store anew; some tests are a dozen of them. */
vi.setConfig({ testTimeout: 60_000 })

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-cli-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const mediakeep = (args: readonly string[], options?: RunOptions): Promise<Answer> =>
  runIn(folder, args, options)

async function putJson(args: readonly string[]): Promise<Media> {
  const { code, out } = await mediakeep(['put', '--json', ...args])
  expect(code).toBe(0)
  return JSON.parse(out) as Media
}

describe('mediakeep', () => {
  it('puts, gets by id and key and range, tells, lists, signs and removes', async () => {
    await writeFile(join(folder, 'note.txt'), 'a note to keep')
    const media = await putJson([
      'note.txt',
      '--key',
      'notes/first.txt',
      '--tag',
      'one',
      '--tag',
      'two',
      '--owner',
      'ada',
      '--metadata',
      '{"title":"First"}',
    ])
    expect(media).toMatchObject({
      filename: 'note.txt',
      key: 'notes/first.txt',
      tags: ['one', 'two'],
      owner: 'ada',
      metadata: { title: 'First' },
      contentType: 'text/plain',
    })

    expect((await mediakeep(['get', media.id])).out).toBe('a note to keep')
    expect((await mediakeep(['get', 'key:notes/first.txt', '--range', '2-5'])).out).toBe('note')
    expect((await mediakeep(['get', media.id, '--range=-4'])).out).toBe('keep')
    expect((await mediakeep(['get', media.id, '-o', 'out.txt'])).code).toBe(0)
    expect(await readFile(join(folder, 'out.txt'), 'utf8')).toBe('a note to keep')
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])

    const told = await mediakeep(['stat', media.id, '--json'])
    expect(JSON.parse(told.out)).toMatchObject({ id: media.id, availability: 'ready' })
    const listed = await mediakeep([
      'ls',
      '--tag',
      'two',
      '--owner',
      'ada',
      '--type',
      'text/*',
      '--search',
      'first',
      '--json',
    ])
    expect(
      listed.out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Media).id),
    ).toEqual([media.id])
    expect((await mediakeep(['ls', '--tag', 'three'])).out).toBe('')

    const signed = await mediakeep(['sign', 'key:notes/first.txt', '--expires-in', '60', '--download'])
    expect(new URL(signed.out.trim()).searchParams.get('download')).toBe('1')
    expect((await mediakeep(['usage', '--by', 'owner', '--json'])).out).toContain('"ada"')

    expect(await mediakeep(['rm', media.id])).toMatchObject({ code: 0 })
    expect(await mediakeep(['rm', media.id])).toMatchObject({ code: 1 })
    const gone = await mediakeep(['stat', media.id, '--json'])
    expect(gone).toMatchObject({ code: 1, out: '' })
    expect(JSON.parse(gone.err)).toMatchObject({ error: { code: 'MEDIA_ABSENT' } })
  })

  it('takes standard input and gives binary bytes back unchanged', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) & 255))
    const { out } = await mediakeep(['put', '-', '--json', '--filename', 'x.bin'], { stdin: bytes })
    expect((await mediakeep(['get', (JSON.parse(out) as Media).id])).bytes.equals(bytes)).toBe(true)
  })

  it('stores nothing when one of several files is not there', async () => {
    await writeFile(join(folder, 'there.txt'), 'there')
    const { code, err } = await mediakeep(['put', 'there.txt', 'not-there.txt', '--namespace', 'several'])
    expect([code, err]).toEqual([2, expect.stringContaining('there is no file not-there.txt')])
    expect((await mediakeep(['ls', '--namespace', 'several'])).out).toBe('')
  })

  it('says that it failed, not that nothing was tried, when the second of two files is refused', async () => {
    await writeFile(join(folder, 'empty.txt'), '')
    const { code, out, err } = await mediakeep(['put', 'there.txt', 'empty.txt', '--json'])
    expect([code, JSON.parse(out)]).toEqual([1, expect.objectContaining({ filename: 'there.txt' })])
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'MEDIA_BAD_INPUT' } })
  })

  it.skipIf(process.platform !== 'linux')('ends for a folder that cannot be made', async () => {
    expect(await mediakeep(['ls', '--data', '/proc/mediakeep/data'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot create the folder') as string,
    })
  })

  it('says that a folder without records was made one with them, for it may be misspelt', async () => {
    const first = await mediakeep(['verify', '--data', 'misspelt'])
    expect(first.err).toContain(`no records in ${join(folder, 'misspelt')}`)
    expect((await mediakeep(['verify', '--data', 'misspelt'])).err).toBe('')
  })

  it('tells where an interrupted verify goes on: on stderr, as a document of its own with --json', async () => {
    const names = Array.from({ length: 70 }, (_, index) => `page-${index}.txt`)
    await Promise.all(names.map((name) => writeFile(join(folder, name), name)))
    expect((await mediakeep(['put', ...names, '--data', 'paged', '--quiet'])).code).toBe(0)
    const objects = join(folder, 'paged/volume/objects')
    const copies = (await readdir(objects, { recursive: true })).filter((name) => name.includes('.'))
    await Promise.all(copies.map((name) => writeFile(join(objects, name), 'damaged')))
    for (const json of [[], ['--json']]) {
      let stop = (): void => {}
      const { code, out, err } = await mediakeep(['verify', '--data', 'paged', ...json], {
        onStop: (it) => (stop = it),
        onOut: () => stop(),
      })
      expect(code).toBe(1)
      if (json.length === 0) expect(err).toContain('goes on with --cursor')
      else {
        expect(JSON.parse(err)).toMatchObject({ error: { message: 'stopped by a signal' } })
        const [cursor = ''] = out.trim().split('\n').slice(-1)
        expect(JSON.parse(cursor)).toEqual({ cursor: expect.any(String) as string })
      }
    }
  })

  it('keeps namespaces apart', async () => {
    await writeFile(join(folder, 'n.txt'), 'n')
    await mediakeep(['put', 'n.txt', '--namespace', 'other'])
    expect((await mediakeep(['ls', '--namespace', 'other'])).out).toContain('n.txt')
    expect((await mediakeep(['ls', '--namespace', 'third'])).out).toBe('')
  })

  it('shows a bar on a terminal, none with --quiet, and never control characters of a name', async () => {
    await writeFile(join(folder, 'evil\u001b[31m.txt'), 'e')
    const shown = await mediakeep(['put', 'evil\u001b[31m.txt'], { terminal: true })
    expect(shown.code).toBe(0)
    expect(shown.err).toContain('100%')
    expect(shown.out).not.toContain('\u001b')
    const quiet = await mediakeep(['put', 'evil\u001b[31m.txt', '--quiet'], { terminal: true })
    expect(quiet).toMatchObject({ code: 0, out: '', err: '' })
  })

  it('runs the conformance kit against a folder, and leaves the folder as it was', async () => {
    const target = join(folder, 'checked')
    const { code, out } = await mediakeep(['doctor', `file://${target}`, '--json'])
    const verdict = JSON.parse(out.trim().split('\n').at(-1) ?? '') as unknown
    expect({ code, verdict }).toEqual({ code: 0, verdict: { check: 'verdict', ok: true, faults: 0 } })
    expect(out.match(/"outcome":"passed"/g)?.length).toBeGreaterThan(100)
    expect(await readdir(target)).toEqual([])
  }, 120_000)

  it('says in health whether everything can be used', async () => {
    const { code, out } = await mediakeep(['health', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      status: 'ok',
      checks: { catalog: { status: 'ok' }, disk: { status: 'ok' } },
    })
  })
})

describe('mediakeep refuses, with exit code 2 and one sentence,', () => {
  const wrong: readonly (readonly [string, readonly string[], string, Record<string, string>?])[] = [
    ['an unknown command', ['fly'], 'unknown command'],
    ['an unknown option', ['ls', '--colour'], 'unknown option'],
    ['a missing argument', ['get'], 'missing required argument'],
    ['an extra argument', ['stat', 'a', 'b'], 'too many arguments'],
    ['what is no reference', ['stat', 'photo.jpg'], 'no reference'],
    ['a file that is not there', ['put', 'nowhere.jpg'], 'nowhere.jpg'],
    ['a folder as file', ['put', '.'], 'not a file'],
    ['one key for two files', ['put', 'a', 'b', '--key', 'k'], '--key'],
    ['metadata that is no object', ['put', 'note.txt', '--metadata', '[1]'], '--metadata'],
    ['a limit that is no number', ['ls', '--limit', 'many'], '--limit'],
    ['a life that is too long', ['sign', 'key:k', '--expires-in', '99999999'], '--expires-in'],
    ['an unknown kind of usage', ['usage', '--by', 'moon'], '--by'],
    ['an address off loopback', ['serve', '--host', '0.0.0.0'], 'loopback'],
    ['a port that is none', ['serve', '--port', '70000'], '--port'],
    ['an unknown setting in the environment', ['ls'], 'MEDIAKEEP_PROT', { MEDIAKEEP_PROT: '1' }],
    ['a bad setting in the environment', ['ls'], 'MEDIAKEEP_DURABILITY', { MEDIAKEEP_DURABILITY: 'maybe' }],
    [
      'blanks as a number, which would be 0',
      ['gc'],
      'MEDIAKEEP_GARBAGE_GRACE_MS',
      { MEDIAKEEP_GARBAGE_GRACE_MS: ' ' },
    ],
    ['an address as folder', ['ls', '--data', 's3://bucket/media'], '--data: give a folder'],
    ['standard input twice', ['put', '-', '-'], 'give it once'],
    ['a configuration that is not there', ['ls', '--config', 'none.json'], 'none.json'],
    ['a store address it does not know', ['doctor', 'ftp://host'], 'ftp:'],
  ]
  for (const [name, args, word, env] of wrong) {
    it(name, async () => {
      const answer = await mediakeep(args, env === undefined ? {} : { env })
      expect(answer).toMatchObject({ code: 2, out: '' })
      expect(answer.err).toContain(word)
      expect(answer.err).not.toMatch(/\n\s+at /)
    })
  }

  it('what no command line can be, as one JSON document with --json', async () => {
    for (const args of [
      ['--json'],
      ['--json', 'fly'],
      ['ls', '--json', '--colour'],
      ['get', '--json'],
      ['tier', '--json', 'fly'],
    ]) {
      const { code, out, err } = await mediakeep(args)
      expect({ code, out }, args.join(' ')).toEqual({ code: 2, out: '' })
      expect(JSON.parse(err), args.join(' ')).toMatchObject({ error: { code: 'USAGE' } })
    }
  })

  it('what would be no number in a configuration file but for what JavaScript makes of it', async () => {
    for (const value of [null, [], true, '', '0x10', 1.5]) {
      await writeFile(join(folder, 'number.json'), JSON.stringify({ garbageGraceMs: value }))
      expect(await mediakeep(['ls', '--config', 'number.json']), JSON.stringify(value)).toMatchObject({
        code: 2,
        err: expect.stringContaining('garbageGraceMs') as string,
      })
    }
  })

  it('a name without what it would do to a terminal', async () => {
    for (const args of [
      ['put', 'not\u001b[31mthere'],
      ['stat', 'no\u001b[31mref'],
      ['ls', '--no\u001b[31mpe'],
    ])
      expect((await mediakeep(args)).err).not.toContain('\u001b')
  })

  it('an unknown key in the configuration file, by its name', async () => {
    await writeFile(join(folder, 'wrong.json'), '{"prot": 1}')
    expect(await mediakeep(['ls', '--config', 'wrong.json'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('"prot"') as string,
    })
    await writeFile(join(folder, 'broken.json'), '{')
    expect(await mediakeep(['ls', '--config', 'broken.json'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('not JSON') as string,
    })
  })

  it('nothing of: help and version', async () => {
    expect(await mediakeep(['--help'])).toMatchObject({ code: 0 })
    expect((await mediakeep(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/)
  })
})

describe('settings', () => {
  it('are not what Kubernetes tells of a service called mediakeep, or minio', async () => {
    const links = {
      MEDIAKEEP_PORT: 'tcp://10.0.0.7:80',
      MEDIAKEEP_SERVICE_HOST: '10.0.0.7',
      MEDIAKEEP_SERVICE_PORT: '80',
      MEDIAKEEP_SERVICE_PORT_HTTP: '80',
      MEDIAKEEP_PORT_80_TCP: 'tcp://10.0.0.7:80',
      MEDIAKEEP_PORT_80_TCP_ADDR: '10.0.0.7',
      MINIO_PORT: 'tcp://10.0.0.8:9000',
    }
    expect(await mediakeep(['ls', '--namespace', 'linked'], { env: links })).toMatchObject({ code: 0 })
    // Refused for what it lacks, not for the port.
    expect((await mediakeep(['ls'], { env: { ...links, MINIO_ENDPOINT: 'minio:9000' } })).err).toContain(
      'MINIO_ACCESS_KEY',
    )
    const misspelt = { ...links, MEDIAKEEP_SERVICE: 'x' }
    expect(await mediakeep(['ls'], { env: misspelt })).toMatchObject({ code: 2 })
  })

  it('may begin with a byte order mark', async () => {
    await writeFile(join(folder, 'marked.json'), '\uFEFF{"namespace":"marked"}')
    expect(await mediakeep(['ls', '--config', 'marked.json'])).toMatchObject({ code: 0 })
  })

  it('come from the file, then the environment, then the command line', async () => {
    await writeFile(join(folder, 'set.json'), JSON.stringify({ namespace: 'from-file' }))
    await writeFile(join(folder, 's.txt'), 's')
    const where = async (args: readonly string[], env = NO_ENV): Promise<string> =>
      (
        JSON.parse(
          (await mediakeep(['put', 's.txt', '--json', '--config', 'set.json', ...args], { env })).out,
        ) as Media
      ).namespace
    expect(await where([])).toBe('from-file')
    expect(await where([], { MEDIAKEEP_NAMESPACE: 'from-env' })).toBe('from-env')
    expect(await where(['--namespace', 'from-flag'], { MEDIAKEEP_NAMESPACE: 'from-env' })).toBe('from-flag')
  })
})
