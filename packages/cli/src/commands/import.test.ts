import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Answer, runIn } from '../program.fixture.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-import-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const mediakeep = (...args: readonly string[]): Promise<Answer> => runIn(folder, args)
const linesOf = ({ out }: Answer): unknown[] =>
  out
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
const sortedLines = (answer: Answer): unknown[] =>
  linesOf(answer).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

async function makeFiles(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}

describe('mediakeep import', () => {
  it('stores every file below the folder, its path from there as key, its name as file name', async () => {
    await makeFiles({ 'in/a.txt': 'a', 'in/deep/er/naïve.txt': 'naïve', 'in/empty/.keep.txt': 'k' })
    const answer = await mediakeep('import', 'in', '--json', '--owner', 'ann', '--tag', 'old')
    expect(answer).toMatchObject({ code: 0, err: '' })
    expect(linesOf(answer).at(-1)).toEqual({
      stored: 3,
      replaced: 0,
      unchanged: 0,
      skipped: 0,
      failed: 0,
      bytes: 8,
    })
    const media: unknown = JSON.parse((await mediakeep('stat', 'key:deep/er/naïve.txt', '--json')).out)
    expect(media).toMatchObject({
      filename: 'naïve.txt',
      contentType: 'text/plain',
      owner: 'ann',
      tags: ['old'],
    })
    expect((await mediakeep('get', 'key:a.txt')).out).toBe('a')
  })

  it('says that the file address of another host is no folder here', async () => {
    for (const address of ['file://elsewhere/in', 'file:///in%2Fout'])
      expect(await mediakeep('import', address), address).toMatchObject({ code: 2 })
  })

  it('run again leaves what has the same bytes, stores what is new and replaces what differs', async () => {
    await makeFiles({ 'in/same.txt': 'same', 'in/other.txt': 'before', 'in/length.txt': 'x' })
    await mediakeep('import', 'in')
    const before = await mediakeep('stat', 'key:same.txt')
    await makeFiles({ 'in/other.txt': 'behind', 'in/length.txt': 'xyz', 'in/new.txt': 'new' })
    const answer = await mediakeep('import', 'in', '--json')
    expect(linesOf(answer).at(-1)).toMatchObject({ stored: 1, replaced: 2, unchanged: 1, failed: 0 })
    expect(await mediakeep('stat', 'key:same.txt')).toEqual(before)
    expect((await mediakeep('get', 'key:other.txt')).out).toBe('behind')
  })

  it('follows no link, waits for no pipe and does not import its own folder, and says so', async () => {
    await makeFiles({ 'secret.txt': 'secret', 'in/a.txt': 'a' })
    await symlink(join(folder, 'secret.txt'), join(folder, 'in/link.txt'))
    await symlink(folder, join(folder, 'in/up'))
    execFileSync('mkfifo', [join(folder, 'in/pipe')])
    const answer = await runIn(folder, ['import', 'in', '--json', '--data', 'in/data'])
    expect(answer.code).toBe(0)
    expect(sortedLines(answer)).toMatchObject([
      { outcome: 'skipped', key: 'data', reason: 'it is the folder of this store' },
      { outcome: 'skipped', key: 'link.txt', reason: 'links are not followed' },
      { outcome: 'skipped', key: 'pipe', reason: 'it is no regular file' },
      { outcome: 'skipped', key: 'up', reason: 'links are not followed' },
      { outcome: 'stored', key: 'a.txt' },
      { stored: 1, skipped: 4, failed: 0 },
    ])
  })

  it('goes on behind a file that is refused, and ends with 1', async () => {
    await makeFiles({ 'in/a.txt': 'a', 'in/lies.png': 'no picture', 'in/z.txt': 'z' })
    const answer = await mediakeep('import', 'in')
    expect(answer.code).toBe(1)
    expect(answer.out).toMatch(/failed {4}lies\.png: .*png/)
    expect(answer.out).toContain('2 stored, 0 replaced, 0 unchanged, 0 skipped, 1 failed')
  })

  it.skipIf(process.platform !== 'linux')(
    'goes on behind a name that is no text, of a file and of a folder',
    async () => {
      await makeFiles({ 'in/a.txt': 'a', 'in/z.txt': 'z' })
      const bad = Buffer.concat([Buffer.from(join(folder, 'in/bad')), Buffer.from([0xff])])
      await mkdir(bad)
      await writeFile(Buffer.concat([bad, Buffer.from('.txt')]), 'x')
      const answer = await mediakeep('import', 'in', '--json')
      expect(answer.code).toBe(1)
      expect(sortedLines(answer)).toMatchObject([
        { outcome: 'failed', reason: 'its name is not UTF-8' },
        { outcome: 'failed', reason: 'its name is not UTF-8' },
        { outcome: 'stored', key: 'a.txt' },
        { outcome: 'stored', key: 'z.txt' },
        { stored: 2, failed: 2 },
      ])
    },
  )

  it.skipIf(process.platform !== 'linux')(
    'never replaces a file by one of the same name in other characters: run after run',
    async () => {
      const [one, two] = ['\u00e9', 'e\u0301']
      await makeFiles({
        [`in/${one}.txt`]: 'one',
        [`in/${two}.txt`]: 'two',
        [`in/${one}/a.txt`]: 'a',
        [`in/${two}/a.txt`]: 'b',
      })
      const first = await mediakeep('import', 'in', '--json')
      expect([first.code, linesOf(first).at(-1)]).toEqual([
        1,
        expect.objectContaining({ stored: 2, replaced: 0, failed: 2 }),
      ])
      expect(linesOf(await mediakeep('import', 'in', '--json')).at(-1)).toMatchObject({
        unchanged: 2,
        replaced: 0,
        failed: 2,
      })
      expect((await mediakeep('get', `key:${one}.txt`)).out).toBe('one')
      expect((await mediakeep('get', `key:${one}/a.txt`)).out).toBe('a')
    },
  )

  it('tells with --quiet what failed, and nothing else; a name makes no line of its own', async () => {
    await makeFiles({ 'in/a.txt': 'a', 'in/b\nstored    c.txt': 'b' })
    const { code, out, err } = await mediakeep('import', 'in', '--quiet')
    expect([code, out, err]).toEqual([1, '', expect.stringMatching(/^failed +b.stored +c\.txt: .*\n$/)])
  })

  it('refuses addresses, files and what is not there, before anything is made', async () => {
    await makeFiles({ 'file.txt': 'f' })
    for (const source of ['s3://bucket/prefix', 'https://example.com/objects/a', 'file.txt', 'nothing', '']) {
      const answer = await mediakeep('import', source)
      expect(answer.code, source).toBe(2)
      expect(answer.err, source).toMatch(/tier|folder/)
    }
    expect((await mediakeep('import', 's3://bucket/prefix')).err).toContain(
      'no external tier of the settings is at s3://bucket/prefix',
    )
    await expect(readFile(join(folder, 'data/keys.json'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('shows how far it is on a terminal', async () => {
    await makeFiles({ 'in/a.txt': 'a' })
    expect((await runIn(folder, ['import', 'in'], { terminal: true })).err).toContain('in')
  })
})

describe('mediakeep rebuild', () => {
  it('fills a catalog that was lost: every record is back, and its bytes', async () => {
    await makeFiles({ 'in/a.txt': 'a', 'in/b/c.txt': 'c' })
    await mediakeep('import', 'in', '--owner', 'ann')
    const before = await mediakeep('ls', '--json')
    for (const name of ['catalog.sqlite', 'catalog.sqlite-wal', 'catalog.sqlite-shm'])
      await unlink(join(folder, 'data', name)).catch(() => {})
    expect((await mediakeep('ls')).out).toBe('')
    const answer = await mediakeep('rebuild')
    expect(answer).toMatchObject({ code: 0, out: '2 media put back, 0 were there, 0 lost\n', err: '' })
    expect(await mediakeep('ls', '--json')).toEqual(before)
    expect((await mediakeep('get', 'key:b/c.txt')).out).toBe('c')
    expect((await mediakeep('rebuild')).out).toBe('0 media put back, 2 were there, 0 lost\n')
  })

  it('names what is lost and ends with 3; makes media of unknown objects when asked', async () => {
    await makeFiles({ 'in/a.txt': 'a', 'in/b.txt': 'b' })
    await mediakeep('import', 'in')
    const [a, b] = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const told: unknown = JSON.parse((await mediakeep('stat', `key:${name}.txt`, '--json')).out)
        return String(Reflect.get(told as object, 'digest')).slice('sha256:'.length)
      }),
    )
    await rm(join(folder, 'data/volume/objects', String(a).slice(0, 2)), { recursive: true })
    await mkdir(join(folder, 'data/volume/objects', String(a).slice(0, 2)))
    await unlink(join(folder, 'data/catalog.sqlite'))
    const lost = await mediakeep('rebuild', '--json')
    expect(lost.code).toBe(3)
    expect(linesOf(lost)).toMatchObject([
      { lost: { key: 'a.txt', filename: 'a.txt' } },
      { restored: 1, lostMedia: 1 },
    ])

    await rm(join(folder, 'data/volume/journal'), { recursive: true })
    await unlink(join(folder, 'data/catalog.sqlite'))
    expect((await mediakeep('rebuild')).out).toContain('1 objects that no journal names')
    const adopted = await mediakeep('rebuild', '--adopt-unknown', '--json')
    expect(linesOf(adopted)).toMatchObject([{ adoptedObjects: 1 }])
    const listed = linesOf(await mediakeep('ls', '--json'))
    expect(listed).toMatchObject([{ filename: `${String(b).slice(0, 16)}.txt`, owner: '', sizeBytes: 1 }])
    await unlink(join(folder, 'data/catalog.sqlite'))
    expect((await mediakeep('rebuild')).out).toBe('1 media put back, 0 were there, 0 lost\n')
  })
})
