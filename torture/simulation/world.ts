import { type FsCalls, type FsStoreOptions, fsStore } from '@mediakeep/adapters/fs'
import {
  type Catalog,
  type Clock,
  createMediaStore,
  createMemoryTables,
  type MediaStore,
  type MemoryTables,
  memoryCatalog,
  type ObjectStore,
} from '@mediakeep/core'
import { type Random, seededRandom } from '@mediakeep/testkit'
import { createDisk, type Disk, type Remains } from '../fault-fs/disk.ts'
import { createProcess, type DiskProcess } from '../fault-fs/process.ts'
import { randomRemains } from '../fault-fs/remains.ts'
import { connect, type Weather } from './database.ts'
import { createFaults, type DiskFaults } from './faults.ts'
import { type Image, ROOT } from './image.ts'
import type { Config } from './plan.ts'
import { createPort } from './port.ts'
import { createRemovals, type Removals } from './removals.ts'
import { createScheduler, type Owner, type Scheduler } from './scheduler.ts'

/** A product that is broken on purpose, in one place. Each member changes one of the parts that a host is made of. */
export interface Breakage {
  readonly name: string
  readonly durability?: FsStoreOptions['durability']
  calls?(fs: FsCalls): FsCalls
  store?(store: ObjectStore): ObjectStore
  catalog?(catalog: Catalog, tables: MemoryTables, now: () => number): Catalog
  /** Takes the place of `collectGarbage`. */
  collect?(host: Life, catalog: Catalog): Promise<void>
}

export interface Machine {
  readonly index: number
  /** What has befallen it. */
  readonly past: { cuts: number; troubles: number; failedUpkeep: number }
  readonly disk: Disk
  readonly faults: DiskFaults
  readonly removals: Removals
  readonly time: {
    /** Its clock is this far from the database's. */
    skewMs: number
  }
}

/** One process, from its start to its end. */
export interface Life {
  readonly host: number
  readonly owner: Owner
  readonly machine: Machine
  readonly process: DiskProcess
  readonly objects: ObjectStore
  readonly catalog: Catalog
  readonly store: MediaStore
}

/** Disks, database, time and processes of one run. */
export interface World {
  readonly config: Config
  readonly random: Random
  readonly scheduler: Scheduler
  readonly tables: MemoryTables
  readonly machines: readonly Machine[]
  readonly weather: Weather
  readonly breakage: Breakage | undefined
  /** By host; `undefined`: not running, or on its way up. */
  readonly lives: (Life | undefined)[]
  /** Descriptors used after they were closed, by any process that ever ran. */
  misuses(): readonly string[]
  /** With the database that all share, or with another one. */
  start(host: number, database?: MemoryTables): Promise<void>
  /** It has been started, and neither come up nor gone. */
  isStarting(host: number): boolean
  kill(host: number): void
  cutPower(machine: Machine, remains?: Remains): void
  note(line: () => string): void
  broken(what: string): void
}

export interface WorldOptions {
  readonly seed: number
  readonly config: Config
  readonly image: Image
  readonly breakage: Breakage | undefined
  note(line: () => string): void
  broken(what: string): void
}

export function createWorld({ seed, config, image, breakage, note, broken }: WorldOptions): World {
  const random = seededRandom(seed ^ 0x5eed)
  const scheduler = createScheduler(seededRandom(seed ^ 0x0bad))
  const tables = createMemoryTables()
  const weather: Weather = { troubledRatio: config.troubledRatio }
  const databaseClock: Clock = { now: () => scheduler.nowMs, after: () => () => {} }
  const machines = Array.from({ length: config.disks }, (_, index): Machine => {
    const time = { skewMs: 0 }
    const disk = createDisk({ now: () => scheduler.nowMs + time.skewMs, order: config.order })
    if (!config.bare) image.apply(disk, `00000000-0000-7000-8000-00000000000${index}`)
    return {
      index,
      past: { cuts: 0, troubles: 0, failedUpkeep: 0 },
      disk,
      time,
      faults: createFaults(random),
      removals: createRemovals(),
    }
  })
  const owners: (Owner | undefined)[] = Array.from({ length: config.hosts }, () => undefined)
  const lives: (Life | undefined)[] = Array.from({ length: config.hosts }, () => undefined)
  const processes: DiskProcess[] = []
  let births = 0

  function kill(host: number): void {
    const owner = owners[host]
    if (owner !== undefined) scheduler.kill(owner)
    owners[host] = undefined
    lives[host] = undefined
  }

  async function start(host: number, database: MemoryTables = tables): Promise<void> {
    const machine = machines[config.diskOf[host] ?? 0]
    if (machine === undefined) throw new RangeError(`host ${host} has no machine`)
    const owner: Owner = { name: `host ${host}.${++births}`, state: 'awake' }
    owners[host] = owner
    let isUp = false
    const clock: Clock = {
      now: () => scheduler.nowMs + machine.time.skewMs,
      after: (ms, callback) => scheduler.after(owner, ms, callback),
    }
    const hurries = (): boolean => (!isUp && !config.bare) || random.next() < 0.95
    const process = createProcess(
      machine.disk,
      createPort({
        scheduler,
        random,
        owner,
        faults: machine.faults,
        hurries,
        note,
        named: (path) => machine.removals.named(path),
      }),
    )
    processes.push(process)
    const plain = fsStore({
      root: ROOT,
      fs: breakage?.calls?.(process.fs) ?? process.fs,
      clock,
      durability: breakage?.durability ?? 'durable',
      sweepAfterMs: config.sweepAfterMs,
      maxIdleFiles: 2,
    })
    const objects = machine.removals.watched(breakage?.store?.(plain) ?? plain)
    const shared = memoryCatalog({ clock: databaseClock, tables: database })
    const catalog = connect(breakage?.catalog?.(shared, database, databaseClock.now) ?? shared, {
      scheduler,
      random,
      owner,
      weather,
    })
    const store = await createMediaStore({
      tiers: [{ name: `disk-${machine.index}`, store: objects }],
      catalog,
      clock,
      reads: { cacheBytes: config.cacheBytes, verifiedForMs: config.verifiedForMs },
      limits: { memoryBodyBytes: 64 },
      upkeep: { intervalMs: 0, garbageGraceMs: config.graceMs },
      sessionTtlMs: config.sessionTtlMs,
      observer(event) {
        if (event.type === 'upkeep.failed') machine.past.failedUpkeep++
        if (event.type === 'blob.corrupt' && machine.past.troubles === 0)
          broken(`${event.key} was called damaged, and nothing damaged it`)
        else note(() => `${owner.name}: ${event.type}`)
      },
    })
    isUp = true
    lives[host] = { host, owner, machine, process, objects, catalog, store }
  }

  return {
    config,
    random,
    scheduler,
    tables,
    machines,
    weather,
    breakage,
    lives,
    misuses: () => processes.flatMap(({ misuses }) => misuses),
    start,
    isStarting: (host) => owners[host] !== undefined && lives[host] === undefined,
    kill,
    cutPower(machine, remains = randomRemains(random, config.order)) {
      for (const [host, disk] of config.diskOf.entries()) if (disk === machine.index) kill(host)
      machine.past.cuts++
      machine.disk.cutPower(remains)
    },
    note,
    broken,
  }
}
