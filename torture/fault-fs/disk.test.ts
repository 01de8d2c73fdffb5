import { constants } from 'node:fs'
import { seededRandom } from '@mediakeep/testkit'
import { describe, expect, it } from 'vitest'
import { createDisk, type Disk, type Remains } from './disk.ts'
import { createProcess } from './process.ts'
import { leastRemains, randomRemains } from './remains.ts'

const everything: Remains = {
  names: (pending) => new Set(pending),
  bytes: (durable, writes) => {
    const all = Buffer.concat([durable, ...writes.map(({ bytes }) => bytes)])
    return new Uint8Array(all)
  },
  attributes: () => true,
}

function diskWith(order: Disk['order'], ...paths: string[]): Disk {
  const disk = createDisk({ now: () => 0, order })
  disk.makeDirectory('/a', 0o750)
  disk.makeDirectory('/b', 0o750)
  sync(disk, '/')
  for (const path of paths) disk.write(disk.create(path, 0o640), { position: 0, bytes: Buffer.from('bytes') })
  return disk
}

function sync(disk: Disk, path: string): void {
  const node = disk.node(path, 'test')
  if (node.kind === 'directory') disk.syncDirectory(node)
  else disk.syncData(node)
}

const textOf = (disk: Disk, path: string): string | undefined => {
  try {
    const node = disk.node(path, 'test')
    return node.kind === 'file' ? Buffer.from(node.bytes).toString() : 'directory'
  } catch {
    return undefined
  }
}

describe('a power cut', () => {
  it('takes a name that no sync of its directory covered, also when the file was synced', () => {
    const disk = diskWith('weak', '/a/one')
    sync(disk, '/a/one')
    disk.cutPower(leastRemains)
    expect(textOf(disk, '/a/one')).toBeUndefined()
  })

  it('takes bytes that no sync of the file covered, also when the name was synced', () => {
    const disk = diskWith('weak', '/a/one')
    sync(disk, '/a')
    disk.cutPower(leastRemains)
    expect(textOf(disk, '/a/one')).toBe('')
  })

  it('leaves what was synced, and may leave all the rest', () => {
    const disk = diskWith('weak', '/a/one', '/a/two')
    for (const path of ['/a/one', '/a']) sync(disk, path)
    disk.unlink('/a/one')
    disk.cutPower(everything)
    expect(textOf(disk, '/a/one')).toBeUndefined()
    expect(textOf(disk, '/a/two')).toBe('bytes')
  })

  it('gives back a name that was taken away without a sync', () => {
    const disk = diskWith('weak', '/a/one')
    for (const path of ['/a/one', '/a']) sync(disk, path)
    disk.unlink('/a/one')
    disk.cutPower(leastRemains)
    expect(textOf(disk, '/a/one')).toBe('bytes')
  })

  it('never loses a file between the two names of a rename', () => {
    for (let seed = 0; seed < 200; seed++) {
      for (const order of ['weak', 'ordered'] as const) {
        const disk = diskWith(order, '/a/one')
        for (const path of ['/a/one', '/a']) sync(disk, path)
        disk.rename('/a/one', '/b/one')
        if (seed % 3 === 0) sync(disk, '/a')
        disk.cutPower(randomRemains(seededRandom(seed), order))
        expect([textOf(disk, '/a/one'), textOf(disk, '/b/one')]).toContain('bytes')
      }
    }
  })

  it('on an ordered disk leaves no later name without an earlier one; on a weak disk it may', () => {
    const seen = { weak: new Set<string>(), ordered: new Set<string>() }
    for (const order of ['weak', 'ordered'] as const) {
      for (let seed = 0; seed < 200; seed++) {
        const disk = diskWith(order, '/a/one', '/b/two')
        disk.cutPower(randomRemains(seededRandom(seed), order))
        seen[order].add(`${textOf(disk, '/a/one') !== undefined} ${textOf(disk, '/b/two') !== undefined}`)
      }
    }
    expect([...seen.weak].sort()).toEqual(['false false', 'false true', 'true false', 'true true'])
    expect([...seen.ordered].sort()).toEqual(['false false', 'true false', 'true true'])
  })

  it('keeps, loses, holes or tears a write that no sync covered', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 400; seed++) {
      const disk = diskWith('weak')
      disk.write(disk.create('/a/one', 0o640), { position: 0, bytes: new Uint8Array(2048).fill(1) })
      sync(disk, '/a')
      disk.cutPower(randomRemains(seededRandom(seed), 'weak'))
      const node = disk.node('/a/one', 'test')
      const bytes = node.kind === 'file' ? node.bytes : new Uint8Array()
      const ones = bytes.filter((byte) => byte === 1).length
      seen.add(
        bytes.length === 0 ? 'lost' : ones === 2048 ? 'kept' : ones === 0 ? 'holed' : `torn ${ones % 512}`,
      )
    }
    expect([...seen].sort()).toEqual(['holed', 'kept', 'lost', 'torn 0'])
  })

  it('takes mode and time that were set after the last full sync: fdatasync does not cover them', () => {
    const disk = diskWith('weak', '/a/one')
    const node = disk.node('/a/one', 'test')
    if (node.kind !== 'file') throw new Error('no file')
    disk.setMode(node, 0o740)
    for (const path of ['/a/one', '/a']) sync(disk, path)
    disk.cutPower(leastRemains)
    expect(disk.node('/a/one', 'test').mode).toBe(0o640)
    disk.setMode(node, 0o740)
    disk.syncFile(node)
    disk.cutPower(leastRemains)
    expect(disk.node('/a/one', 'test').mode).toBe(0o740)
  })
})

it('after a sync that failed, another one answers and covers nothing of what the first forgot', () => {
  const disk = diskWith('weak', '/a/one')
  disk.failSync(disk.node('/a/one', 'test'))
  for (const path of ['/a/one', '/a']) sync(disk, path)
  expect(textOf(disk, '/a/one')).toBe('bytes')
  disk.cutPower(leastRemains)
  expect(textOf(disk, '/a/one')).toBe('')
})

it('a descriptor that is used after it was closed is told of, and never hits another file', () => {
  const disk = diskWith('weak', '/a/one')
  const { fs, misuses } = createProcess(disk, {
    start: (_call, act, done) => done(null, act()),
    check() {},
  })
  const fd = fs.openSync('/a/one', constants.O_RDONLY)
  fs.closeSync(fd)
  expect(() => fs.fdatasync(fd, () => {})).toThrow('EBADF')
  expect(fs.openSync('/a/one', constants.O_RDONLY)).not.toBe(fd)
  expect(misuses).toHaveLength(1)
})
