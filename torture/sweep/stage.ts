import { type FsCalls, type FsStore, fsStore } from '@mediakeep/adapters/fs'
import {
  type Catalog,
  createMediaStore,
  createMemoryTables,
  MediaError,
  type MediaStore,
  type MemoryTables,
  memoryCatalog,
} from '@mediakeep/core'
import { type FakeClock, fakeClock } from '@mediakeep/testkit'
import { createDisk, type Disk } from '../fault-fs/disk.ts'
import { errno } from '../fault-fs/errno.ts'
import { atOnce, createProcess, type DiskCall, type DiskProcess } from '../fault-fs/process.ts'
import { TROUBLES, type Trouble } from '../simulation/faults.ts'
import { type Image, ROOT } from '../simulation/image.ts'

/** What goes wrong: a call to the disk or to the catalog, and from that one on all that can have the same trouble, or it alone. */
export type Fault =
  | { readonly layer: 'disk'; readonly at: number; readonly forever: boolean; readonly trouble: Trouble }
  | {
      readonly layer: 'catalog'
      readonly at: number
      readonly forever: boolean
      readonly effect: 'before' | 'after'
    }
  /** From this call to either on none is answered or has an effect, and the power goes; what it leaves is chosen by chance, or the least. */
  | {
      readonly layer: 'power'
      readonly at: number
      readonly forever: true
      readonly leaves: 'least' | number
    }

/** A store on a disk in memory whose calls are counted, and fail as they are told. */
export interface Stage {
  readonly disk: Disk
  readonly tables: MemoryTables
  readonly clock: FakeClock
  readonly process: DiskProcess
  readonly objects: FsStore
  readonly store: MediaStore
  /** Counts from now on, and fails what the fault says. */
  arm(fault: Fault | undefined): void
  disarm(): void
  /** Whether the process stands still, for ever. */
  readonly isStopped: boolean
  /** Since it was armed: names of the calls to the disk and to the catalog, and how many of them failed. */
  readonly seen: {
    readonly disk: readonly string[]
    readonly catalog: readonly string[]
    readonly failed: number
  }
}

/** Wraps the calls of the store: to break it on purpose. */
export type BreakCalls = (fs: FsCalls) => FsCalls

export const SESSION_TTL_MS = 60_000

export async function createStage(image: Image, breakCalls: BreakCalls = (fs) => fs): Promise<Stage> {
  const clock = fakeClock()
  const disk = createDisk({ now: () => clock.now(), order: 'weak' })
  image.apply(disk, 'sweep')
  return stageOn({ clock, disk, tables: createMemoryTables() }, breakCalls)
}

/** The next process over what another one left: its disk after a power cut, and its catalog, which lost nothing. */
export function reviveStage({ clock, disk, tables }: Stage): Promise<Stage> {
  return stageOn({ clock: fakeClock(clock.now()), disk, tables })
}

async function stageOn(
  { clock, disk, tables }: Pick<Stage, 'clock' | 'disk' | 'tables'>,
  breakCalls: BreakCalls = (fs) => fs,
): Promise<Stage> {
  let fault: Fault | undefined
  let isStopped = false
  /** Counts a call; whether the process ends before it. */
  const stopsAt = (): boolean => {
    isStopped ||= fault?.layer === 'power' && seen.disk.length + seen.catalog.length > fault.at
    return isStopped
  }
  const seen = { disk: [] as string[], catalog: [] as string[], failed: 0 }

  function troubleOf({ name }: DiskCall): Trouble | undefined {
    const at = seen.disk.push(name) - 1
    if (fault?.layer !== 'disk' || !TROUBLES[fault.trouble].test(name)) return undefined
    if (fault.forever ? at < fault.at : at !== fault.at) return undefined
    seen.failed++
    return fault.trouble
  }
  const fail = (call: DiskCall, code: string): Error => {
    call.failed?.()
    return errno(code, call.name, call.path)
  }
  const process = createProcess(disk, {
    start(call, act, done) {
      const trouble = troubleOf(call)
      if (stopsAt()) return
      if (trouble === undefined) atOnce.start(call, act, done)
      else if (trouble === 'short') atOnce.start(call, () => act(1), done)
      else done(fail(call, trouble))
    },
    check(call) {
      const trouble = troubleOf(call)
      if (stopsAt()) throw fail(call, 'EIO')
      if (trouble !== undefined && trouble !== 'short') throw fail(call, trouble)
    },
  })
  const objects = fsStore({
    root: ROOT,
    fs: breakCalls(process.fs),
    clock,
    sweepAfterMs: 1_000,
    maxIdleFiles: 0,
  })
  const inner = memoryCatalog({ clock, tables })
  const catalog: Catalog = new Proxy(inner, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function' || property === 'close' || typeof property === 'symbol') return member
      return async (...args: unknown[]): Promise<unknown> => {
        const at = seen.catalog.push(String(property)) - 1
        if (stopsAt()) return new Promise(() => {})
        const isDue = fault?.layer === 'catalog' && (fault.forever ? at >= fault.at : at === fault.at)
        const lost = new MediaError('MEDIA_UNAVAILABLE', `the connection was lost in ${String(property)}`)
        if (isDue) seen.failed++
        if (isDue && fault?.layer === 'catalog' && fault.effect === 'before') throw lost
        const answer: unknown = await Reflect.apply(member, target, args)
        if (isDue) throw lost
        return answer
      }
    },
  })
  const store = await createMediaStore({
    tiers: [{ name: 'disk', store: objects }],
    catalog,
    clock,
    reads: { cacheBytes: 0, verifiedForMs: 0 },
    limits: { memoryBodyBytes: 64 },
    upkeep: { intervalMs: 0, garbageGraceMs: 1_000 },
    sessionTtlMs: SESSION_TTL_MS,
  })
  return {
    disk,
    tables,
    clock,
    process,
    objects,
    store,
    seen,
    get isStopped() {
      return isStopped
    },
    arm(given) {
      fault = given
      seen.disk.length = 0
      seen.catalog.length = 0
      seen.failed = 0
    },
    disarm() {
      fault = undefined
    },
  }
}
