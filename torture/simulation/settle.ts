import { createMemoryTables } from '@mediakeep/core'
import type { Random } from '@mediakeep/testkit'
import { leastRemains } from '../fault-fs/remains.ts'
import { checkAfterCut, checkCatalog, checkDisk, checkObjects, checkVerified } from './checks.ts'
import { type Run, read, upkeep } from './operations.ts'

interface Drive {
  until(holds: () => boolean): Promise<void>
  readonly random: Random
  /** Nobody has crashed so far. */
  readonly mustCrash: boolean
}

/**
 * When the troubles are over everything comes right by itself: after a restart and two collections disks and catalog
 * hold exactly the same, nothing is left open or half done, and all that was promised can be read; also after one more
 * power cut that leaves nothing but what was synced.
 */
export async function settle(run: Run, drive: Drive): Promise<void> {
  const { world } = run
  const promised = [...run.ids]
  await restart(run, drive)
  await collectTwice(run, drive)
  await readAll(run, drive)
  await verifyAll(run, drive)
  await closeAll(run, drive)
  await rebuild(run, drive, promised)
  let isClean = true
  for (const machine of world.machines) {
    world.cutPower(machine, leastRemains)
    if (checkAfterCut(run, machine)) isClean = false
  }
  if (!isClean) {
    await startAll(run, drive)
    await collectTwice(run, drive)
    await closeAll(run, drive)
  }
  for (const misuse of world.misuses()) world.broken(`a closed descriptor was used: ${misuse}`)
}

/** Two collections past every grace leave nothing but what the catalog tells of. */
async function collectTwice(run: Run, drive: Drive): Promise<void> {
  const { world } = run
  const { sessionTtlMs, graceMs, sweepAfterMs } = world.config
  for (let round = 0; round < 2; round++) {
    world.scheduler.pass(Math.max(sessionTtlMs, graceMs, sweepAfterMs) + 86_400_001)
    await onEachDisk(run, drive, async ({ store }) => {
      if (round === 0) for await (const _ of store.upkeep.expire()) continue
      for await (const _ of store.upkeep.collectGarbage({ thorough: true, force: true })) continue
    })
  }
  checkCatalog(run)
  for (const machine of world.machines) checkDisk(run, machine)
}

/** Where a disk was in trouble, the bytes of every copy are read: they are all right, and what was in quarantine is served again. */
async function verifyAll(run: Run, drive: Drive): Promise<void> {
  await onEachDisk(run, drive, async ({ machine, store }) => {
    if (machine.past.troubles === 0) return
    for await (const { damaged, offlineVolumes } of store.upkeep.verify({ repair: true })) {
      for (const { key, fault } of damaged) run.world.broken(`${key} is ${fault} when the trouble is over`)
      for (const id of offlineVolumes) run.world.broken(`${id} is offline when the trouble is over`)
    }
  })
  checkVerified(run)
}

/** Everybody goes, one way or the other, and comes back. */
async function restart(run: Run, drive: Drive): Promise<void> {
  const { world } = run
  const how = drive.random.integer(drive.mustCrash ? 1 : 0, world.config.sound ? 2 : 3)
  if (how === 0) await closeAll(run, drive)
  else if (how === 1) for (let host = 0; host < world.config.hosts; host++) world.kill(host)
  else
    for (const machine of world.machines) {
      world.cutPower(machine)
      checkObjects(run, machine)
    }
  for (const machine of world.machines) machine.time.skewMs = 0
  await startAll(run, drive)
}

/**
 * The database is lost, and made again from the disk: what was acknowledged can be read. After a power cut the journal may lack
 * its last second, a line that was refused is told as failed upkeep, and of what nobody knows the outcome of there may be no line.
 */
async function rebuild(run: Run, drive: Drive, promised: readonly string[]): Promise<void> {
  const { world, ledger } = run
  const [machine, ...others] = world.machines
  if (machine === undefined || others.length > 0) return
  const { cuts, troubles, failedUpkeep } = machine.past
  if (cuts + troubles + failedUpkeep > 0) return
  await finished(drive, world.start(0, createMemoryTables()))
  const [life] = world.lives
  if (life === undefined) return
  await finished(drive, upkeep(run, life, 'rebuild', life.store.upkeep.rebuildCatalog()))
  const targets = [
    ...Array.from({ length: world.config.keys }, (_, key) => ({ name: `key ${key}`, target: { key } })),
    ...promised.map((id, nth) => ({ name: id, target: { nth } })),
  ]
  for (const { name, target } of targets)
    if (ledger.isCertain(name)) await finished(drive, read(run, life, { target, how: 'whole' }))
  await closeAll(run, drive)
}

/** One host on each disk is enough to see all of it. */
async function startAll({ world }: Run, drive: Drive): Promise<void> {
  for (const { index } of world.machines) {
    const host = world.config.diskOf.indexOf(index)
    await finished(drive, world.start(host))
  }
}

async function closeAll({ world }: Run, drive: Drive): Promise<void> {
  for (const life of [...world.lives]) {
    if (life === undefined) continue
    await finished(drive, life.store.close())
    if (life.process.openCount > 0) world.broken(`${life.process.openCount} files are open after close`)
    world.kill(life.host)
  }
  if (world.scheduler.timers > 0) world.broken(`${world.scheduler.timers} timers run after close`)
}

async function onEachDisk(
  { world }: Run,
  drive: Drive,
  work: (life: NonNullable<(typeof world.lives)[number]>) => Promise<void>,
): Promise<void> {
  for (const life of world.lives) if (life !== undefined) await finished(drive, work(life))
}

async function finished(drive: Drive, work: Promise<unknown>): Promise<void> {
  let ended = false
  const end = (): void => {
    ended = true
  }
  work.then(end, end)
  await drive.until(() => ended)
  if (ended) await work
}

/** All that was promised, and every record there is, from any host that has the bytes. */
async function readAll(run: Run, drive: Drive): Promise<void> {
  const { world, ledger } = run
  const known = new Set(run.ids)
  const keys = ledger.names.flatMap((name) => (name.startsWith('key ') ? [Number(name.slice(4))] : []))
  for (const { id, key } of world.tables.media.values()) {
    if (key !== undefined || known.has(id)) continue
    run.ids.push(id) // of a put that was never acknowledged: it must be whole all the same
    const value = run.bodies.findIndex(
      ({ digest }) => digest === world.tables.media.get(id)?.contents.at(-1)?.blob.digest,
    )
    ledger.wrote(id, value, ledger.tick())
  }
  const targets = [...keys.map((key) => ({ key })), ...run.ids.map((_, nth) => ({ nth }))]
  for (const target of targets) {
    const outcomes: string[] = []
    for (const life of world.lives) {
      if (life === undefined || outcomes.includes('read')) continue
      await finished(
        drive,
        read(run, life, { target, how: 'whole' }).then((outcome) => outcomes.push(outcome)),
      )
    }
    if (!outcomes.includes('read'))
      world.broken(`${JSON.stringify(target)} cannot be read anywhere: ${outcomes.join(', ')}`)
  }
}
