import type { FsCalls } from '@mediakeep/adapters/fs'
import { createDisk, type Disk } from '../fault-fs/disk.ts'
import { atOnce, createProcess } from '../fault-fs/process.ts'

/** One call that a program made, and the descriptor it got. */
export interface RecordedCall {
  readonly name: string
  readonly args: readonly unknown[]
  readonly fd: number | undefined
}

export interface Recorder {
  readonly fs: FsCalls
  /** Calls so far, in the order in which they took effect. */
  readonly calls: RecordedCall[]
}

/** Every call of a program that changes a disk, or opens what it changes. */
const RECORDED =
  /^(open|openSync|close|closeSync|write|writev|fsync|fdatasync|ftruncate|futimes|fchmod|rename|link|unlink|mkdir|copyFile)$/

/** A process on the disk whose calls take effect at once and are written down. */
export function recordOn(disk: Disk): Recorder {
  const calls: RecordedCall[] = []
  const { fs } = createProcess(disk, atOnce)
  const recording = new Proxy(fs, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      const name = String(property)
      if (typeof member !== 'function' || !RECORDED.test(name)) return member
      return (...args: unknown[]): unknown => {
        const done = args.at(-1)
        const values = typeof done === 'function' ? args.slice(0, -1) : args
        const record = (fd: unknown): void => {
          // Buffers are used again by their owners.
          const kept = values.map((value) => (value instanceof Uint8Array ? Uint8Array.from(value) : value))
          calls.push({ name, args: kept, fd: typeof fd === 'number' ? fd : undefined })
        }
        if (typeof done !== 'function') {
          const value: unknown = Reflect.apply(member, target, args)
          record(value)
          return value
        }
        const watched = (error: unknown, value: unknown): unknown => {
          if (!error) record(name === 'open' ? value : undefined)
          return Reflect.apply(done, undefined, [error, value])
        }
        return Reflect.apply(member, target, [...values, watched])
      }
    },
  })
  return { fs: recording, calls }
}

/** Makes the calls again, on another disk. */
export function replay(calls: readonly RecordedCall[], disk: Disk): void {
  const { fs } = createProcess(disk, atOnce)
  const fds = new Map<unknown, unknown>()
  for (const { name, args, fd } of calls) {
    // Only calls on descriptors have a number first.
    const given = args.map((value, index) =>
      index === 0 && typeof value === 'number' ? fds.get(value) : value,
    )
    const member: unknown = Reflect.get(fs, name)
    if (typeof member !== 'function') throw new TypeError(`${name} is no call`)
    if (name === 'openSync' || name === 'closeSync') {
      fds.set(fd, Reflect.apply(member, fs, given))
      continue
    }
    const done = (error: unknown, value: unknown): void => {
      if (error instanceof Error) throw error
      if (name === 'open') fds.set(fd, value)
    }
    Reflect.apply(member, fs, [...given, done])
  }
}

/** A disk with these directories, on which all that the calls before did is durable. */
export function diskAfter(
  directories: readonly string[],
  before: readonly RecordedCall[],
  order: Disk['order'],
): Disk {
  const disk = createDisk({ now: () => 0, order })
  for (const path of directories) disk.makeDirectory(path, 0o750)
  replay(before, disk)
  for (const path of ['/', ...directories]) {
    const directory = disk.directory(path)
    if (directory === undefined) continue
    for (const node of directory.entries.values()) if (node.kind === 'file') disk.syncFile(node)
    disk.syncDirectory(directory)
  }
  return disk
}
