import nodeFs, { readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import type { Journal } from '@mediakeep/core'
import { fakeClock } from '@mediakeep/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FsCalls } from '../calls.ts'
import { type FsStore, fsStore } from '../index.ts'
import { filesOf, makeRoot } from '../testing/volumes.ts'
import { watchFs } from '../testing/watched-fs.ts'

let folder: ReturnType<typeof makeRoot>
const opened: FsStore[] = []
beforeEach(() => {
  folder = makeRoot()
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  folder.remove()
})

async function open(options: Partial<Parameters<typeof fsStore>[0]> = {}): Promise<FsStore> {
  const store = fsStore({ root: folder.root, ...options })
  opened.push(store)
  await store.open()
  return store
}

async function read(journal: Journal): Promise<{ lines: string[]; damaged: number }> {
  const all = { lines: [] as string[], damaged: 0 }
  for await (const { lines, damaged } of journal.read()) {
    all.lines.push(...lines)
    all.damaged += damaged
  }
  return all
}

async function* given(...lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

const segments = (): string[] => readdirSync(join(folder.root, 'journal')).sort()
const pathOf = (name: string): string => join(folder.root, 'journal', name)

/** Three lines in one segment, of a process that has ended. */
async function writeThree(): Promise<{ path: string; bytes: Buffer; lines: readonly string[] }> {
  const lines = ['{"first":"naïve"}', '{"second":2}', '{"third":[]}']
  const store = await open()
  for (const line of lines) await store.journal.append(line)
  await store.close()
  const path = pathOf(segments()[0] ?? '')
  return { path, bytes: readFileSync(path), lines }
}

describe('damage', () => {
  test('a segment torn at any byte gives every line before the tear, and tells of the one it is in', async () => {
    const { path, bytes, lines } = await writeThree()
    const store = await open()
    const ends = [...bytes.keys()].filter((at) => bytes[at] === 0x0a).map((at) => at + 1)
    for (let size = bytes.length; size >= 0; size--) {
      truncateSync(path, size)
      const found = await read(store.journal)
      // A line that lost its end alone has lost nothing.
      const whole = ends.filter((end) => end - 1 <= size).length
      const isTorn = size > 0 && !ends.includes(size) && !ends.includes(size + 1)
      expect(found, `cut at ${size}`).toEqual({ lines: lines.slice(0, whole), damaged: isTorn ? 1 : 0 })
    }
  })

  test('a flipped bit, anywhere, costs at most the line it is in, and no wrong line is ever given', async () => {
    const { path, bytes, lines } = await writeThree()
    const store = await open()
    const lineAt = (at: number): number => bytes.subarray(0, at).filter((byte) => byte === 0x0a).length
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
        writeFileSync(path, flipped)
        const found = await read(store.journal)
        const said = `bit ${bit} of byte ${at}`
        expect(lines, said).toEqual(expect.arrayContaining(found.lines))
        for (const [index, line] of lines.entries())
          if (index !== lineAt(at)) expect(found.lines, said).toContain(line)
        if (found.lines.length < lines.length) expect(found.damaged, said).toBeGreaterThan(0)
      }
    }
  })

  test('zeros behind a power cut are told and passed over, and other processes write on', async () => {
    const { path, bytes, lines } = await writeThree()
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(3_000_000)]))
    const store = await open()
    await store.journal.append('on')
    expect(await read(store.journal)).toEqual({ lines: [...lines, 'on'], damaged: 1 })
  })
})

describe('append()', () => {
  test('makes nothing before the first line, and removes nothing at close', async () => {
    const store = await open()
    expect(filesOf(folder.root)).toEqual([])
    expect(await read(store.journal)).toEqual({ lines: [], damaged: 0 })
    await store.close()
    expect(filesOf(folder.root)).toEqual([])
  })

  test('lines of one turn are one write', async () => {
    const watched = watchFs()
    const store = await open({ fs: watched.fs })
    await store.journal.append('first')
    watched.trace.length = 0
    await Promise.all(Array.from({ length: 100 }, (_, index) => store.journal.append(`line ${index}`)))
    expect(watched.trace.map((line) => line.split(' ')[0])).toEqual(['write'])
  })

  test('is synced within a second, and the name of the segment with its first lines; nothing is synced while nothing is new', async () => {
    const clock = fakeClock()
    const watched = watchFs()
    const store = await open({ fs: watched.fs, clock })
    const syncs = (): string[] => watched.trace.filter((line) => /sync /.test(line))
    const nextSync = async (count: number): Promise<void> => {
      clock.advance(1_000)
      await expect.poll(() => syncs().length).toBe(count)
    }
    await store.journal.append('first')
    watched.trace.length = 0
    clock.advance(999)
    expect(syncs()).toEqual([])
    await nextSync(2)
    expect(syncs()).toEqual([
      expect.stringMatching(/fdatasync .*\.log$/),
      `fsync ${join(folder.root, 'journal')}`,
    ])
    await store.journal.append('second')
    await nextSync(3)
    expect(clock.pendingTimers).toBe(0)
    await store.journal.append('third')
    expect(clock.pendingTimers).toBe(1)
    await store.close()
    expect(syncs()).toHaveLength(4)
    expect(clock.pendingTimers).toBe(0)
    expect(watched.openCount).toBe(0)
  })

  test('a sync that takes longer than until the next one is due is waited for before its file is closed', async () => {
    const clock = fakeClock()
    const { fs } = watchFs()
    const happened: string[] = []
    let isSlow = false
    let heldFd: number | undefined
    let letGo = (): void => {}
    const store = await open({
      clock,
      fs: {
        ...fs,
        fdatasync(fd, done) {
          if (!isSlow) fs.fdatasync(fd, done)
          else if (heldFd !== undefined) done(null)
          else {
            heldFd = fd
            letGo = () => {
              happened.push('synced')
              done(null)
            }
          }
        },
        close(fd, done) {
          if (fd === heldFd) happened.push('closed')
          fs.close(fd, done)
        },
      },
    })
    isSlow = true
    for (const line of ['first', 'second']) {
      await store.journal.append(line)
      clock.advance(1_000)
    }
    const closing = store.close()
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
    letGo()
    await closing
    expect(happened).toEqual(['synced', 'closed'])
  })

  test('at level none nothing is synced', async () => {
    const clock = fakeClock()
    const watched = watchFs()
    const store = await open({ fs: watched.fs, clock, durability: 'none' })
    await store.journal.append('line')
    await store.journal.compact(given('snapshot'))
    await store.close()
    expect(watched.trace.filter((line) => /sync .*journal/.test(line))).toEqual([])
  })

  test('on a full disk throws MEDIA_NO_SPACE, says so to every process until a snapshot is taken, and goes on when there is room', async () => {
    let full = false
    const watched = watchFs({ fail: ({ name }) => (full && name === 'write' ? 'ENOSPC' : undefined) })
    const store = await open({ fs: watched.fs })
    const other = await open()
    await store.journal.append('before')
    await store.journal.compact(given('snapshot'))
    await store.journal.append('after')
    full = true
    await expect(store.journal.append('lost')).rejects.toMatchObject({ code: 'MEDIA_NO_SPACE' })
    full = false
    await store.journal.append('again')
    const { lines, damaged } = await read(other.journal)
    expect(lines.sort()).toEqual(['after', 'again', 'snapshot'])
    expect(damaged).toBe(0)
    expect(await other.journal.isBehind()).toBe(true)
    await other.journal.compact(given('whole'))
    expect(await store.journal.isBehind()).toBe(false)
  })

  test('is behind when the machine has started since a segment was last written: its last second may be lost', async () => {
    const store = await open()
    await store.journal.compact(given())
    await store.journal.append('line')
    expect(await store.journal.isBehind()).toBe(false)
    const before = Date.now() / 1000 - uptime() - 60
    for (const name of segments()) utimesSync(pathOf(name), before, before)
    expect(await store.journal.isBehind()).toBe(true)
    await store.journal.compact(given('line'))
    expect(await store.journal.isBehind()).toBe(false)
  })

  test('a sync that fails is never asked again on the same segment, and the journal is behind until the next snapshot', async () => {
    const clock = fakeClock()
    let broken = false
    const watched = watchFs({ fail: ({ name }) => (broken && name === 'fdatasync' ? 'EIO' : undefined) })
    const store = await open({ fs: watched.fs, clock })
    await store.journal.compact(given())
    broken = true
    await store.journal.append('first')
    clock.advance(1_000)
    await expect.poll(() => store.journal.isBehind()).toBe(true)
    broken = false
    await store.journal.append('second')
    expect(segments().filter((name) => name.endsWith('.log'))).toHaveLength(2)
    await store.journal.compact(given('both'))
    expect(await store.journal.isBehind()).toBe(false)
    await store.close()
    expect(watched.openCount).toBe(0)
  })

  test('makes nothing where the disk is not mounted', async () => {
    const store = await open()
    nodeFs.renameSync(folder.root, `${folder.root}-away`)
    nodeFs.mkdirSync(folder.root)
    await expect(store.journal.append('line')).rejects.toMatchObject({ reason: 'volume-offline' })
    await expect(read(store.journal)).rejects.toMatchObject({ reason: 'volume-offline' })
    await expect(store.journal.isBehind()).rejects.toMatchObject({ reason: 'volume-offline' })
    expect(readdirSync(folder.root)).toEqual([])
    nodeFs.rmdirSync(folder.root)
    nodeFs.renameSync(`${folder.root}-away`, folder.root)
  })
})

/** The file system, where one call waits until something else has happened. */
function interrupted(at: () => number, meanwhile: () => Promise<void>): { fs: FsCalls; count: () => number } {
  let count = 0
  const fs = new Proxy<FsCalls>(nodeFs, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        const isNow = count++ === at() && typeof args.at(-1) === 'function'
        if (!isNow) return Reflect.apply(member, target, args) as unknown
        void meanwhile().then(() => Reflect.apply(member, target, args) as unknown)
        return undefined
      }
    },
  })
  return { fs, count: () => count }
}

describe('compact()', () => {
  test('by another process, at any call of an append: no acknowledged line is lost', async () => {
    for (let at = 0; ; at++) {
      const acknowledged = ['before']
      let start = Number.POSITIVE_INFINITY
      const other = await open()
      // As a catalog would: what was committed is in the snapshot, whether its line is in the journal yet or not.
      const { fs, count } = interrupted(
        () => start + at,
        () => other.journal.compact(given(...acknowledged)),
      )
      const store = await open({ fs })
      await store.journal.append('before')
      start = count()
      for (const line of ['first', 'second', 'third']) {
        await store.journal.append(line)
        acknowledged.push(line)
      }
      const isOver = count() <= start + at
      start = Number.POSITIVE_INFINITY
      const { lines, damaged } = await read(other.journal)
      expect([...new Set(lines)].sort(), `at call ${at}`).toEqual([...acknowledged].sort())
      expect(damaged).toBe(0)
      await store.close()
      await other.journal.compact(given())
      await other.close()
      if (isOver) break
    }
  })

  test('the snapshot and its name are on disk before what it took the place of is removed', async () => {
    const watched = watchFs()
    const store = await open({ fs: watched.fs })
    await store.journal.append('line')
    watched.trace.length = 0
    await store.journal.compact(given('snapshot'))
    const steps = watched.trace.flatMap((line) => {
      const [, call = '', file = ''] =
        /^(write|fdatasync|fsync|fchmod|rename|unlink) .*?(journal$|~|\.log$|\.snapshot$)/.exec(line) ?? []
      return call === '' ? [] : [`${call} ${file}`]
    })
    expect(steps).toEqual([
      'fchmod .log',
      'write ~',
      'fdatasync ~',
      'rename .snapshot',
      'fsync journal',
      'unlink .log',
    ])
  })

  for (const times of ['once', 'from then on'] as const) {
    test(`a failure at any call, ${times}: the old lines or the whole snapshot are read by the next process, and nothing is left`, async () => {
      for (let at = 0; ; at++) {
        let fails: (index: number) => boolean = () => false
        const watched = watchFs({
          fail: ({ name }, index) => (fails(index) && name !== 'closeSync' ? 'EIO' : undefined),
        })
        const store = await open({ fs: watched.fs })
        await store.journal.append('a')
        await store.journal.append('b')
        const from = watched.count + at
        fails = (index) => (times === 'once' ? index === from : index >= from)
        const error = await store.journal.compact(given('snapshot', 'of a and b')).then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        const isOver = watched.count <= from
        fails = () => false
        const other = await open()
        const found = await read(other.journal)
        const said = `EIO at call ${at}: ${String(error)}`
        const expected = found.lines.includes('snapshot') ? ['snapshot', 'of a and b'] : ['a', 'b']
        expect(found, said).toEqual({ lines: expected, damaged: 0 })
        if (error === undefined) expect(found.lines, said).toContain('snapshot')
        await other.journal.compact(given())
        await store.close()
        await other.close()
        expect(watched.openCount, said).toBe(0)
        if (times === 'once')
          expect(
            segments().every((name) => name.endsWith('.snapshot')),
            said,
          ).toBe(true)
        for (const name of segments()) nodeFs.unlinkSync(pathOf(name))
        if (isOver) break
      }
    })
  }

  test('segments that a crash left behind their snapshot are not read, and the next compaction removes them', async () => {
    const watched = watchFs({ fail: ({ name }) => (name === 'unlink' ? 'EIO' : undefined) })
    const store = await open({ fs: watched.fs })
    await store.journal.append('old')
    await expect(store.journal.compact(given('new'))).rejects.toMatchObject({ reason: 'io-error' })
    const other = await open()
    expect(segments()).toHaveLength(2)
    expect((await read(other.journal)).lines).toEqual(['new'])
    await other.journal.compact(given('newer'))
    expect(segments()).toHaveLength(1)
    expect((await read(other.journal)).lines).toEqual(['newer'])
  })

  test('what a compaction that died left is removed a day later, not before', async () => {
    const store = await open()
    await store.journal.append('line')
    writeFileSync(pathOf('~0123-0'), 'half of a snapshot')
    await store.journal.compact(given())
    expect(segments()).toContain('~0123-0')
    const later = await open({ clock: fakeClock(Date.now() + 2 * 86_400_000) })
    await later.journal.compact(given())
    expect(segments()).not.toContain('~0123-0')
  })

  test('a snapshot of 200,000 lines is written in pieces, and comes back in order', async () => {
    const store = await open()
    async function* lines(): AsyncGenerator<string> {
      for (let index = 0; index < 200_000; index++) yield `{"line":${index}}`
    }
    await store.journal.compact(lines())
    let expected = 0
    for await (const piece of store.journal.read())
      for (const line of piece.lines) if (line !== `{"line":${expected++}}`) expect(line).toBe(expected - 1)
    expect(expected).toBe(200_000)
    expect(await store.journal.size()).toBe(statSync(pathOf(segments()[0] ?? '')).size)
  })
})
