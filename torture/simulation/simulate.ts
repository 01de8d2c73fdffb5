import { digestOf } from '@mediakeep/core'
import { seededRandom } from '@mediakeep/testkit'
import { createBodies } from './bodies.ts'
import { checkObjects } from './checks.ts'
import { type Image, ROOT } from './image.ts'
import { createLedger } from './ledger.ts'
import { collect, put, type Run, read, remove, update, upkeep, verify } from './operations.ts'
import type { Operation, Plan } from './plan.ts'
import { settle } from './settle.ts'
import { type Breakage, createWorld, type Life, type Machine } from './world.ts'

export interface SimulateOptions {
  readonly image: Image
  readonly breakage?: Breakage
  /** Hears what happens, line by line. */
  readonly log?: (line: string) => void
}

export interface Outcome {
  readonly violation: string | undefined
  /** Operations that were let loose. */
  readonly operations: number
  readonly crashes: number
  /** Puts that were under way while a collection was. */
  readonly overlaps: number
  readonly steps: number
}

/** More than any run takes: one that goes on for ever ends here. */
const MAX_STEPS = 200_000

/** Whether the marker, which is written last, is there. */
function hasVolume({ disk }: Machine): boolean {
  return disk.directory(ROOT)?.entries.has('mediakeep-volume.json') === true
}

interface UnderWay {
  readonly operation: Operation
  readonly life: Life
}

/** Lives through one plan and judges it. */
export async function simulate(plan: Plan, options: SimulateOptions): Promise<Outcome> {
  const { seed, config } = plan
  const { log } = options
  let violation: string | undefined
  let steps = 0
  let operations = 0
  let crashes = 0
  let overlaps = 0
  const world = createWorld({
    seed,
    config,
    image: options.image,
    breakage: options.breakage,
    note: log === undefined ? () => {} : (line) => log(`${steps} ${line()}`),
    broken(what) {
      log?.(`${steps} BROKEN: ${what}`)
      violation ??= what
    },
  })
  const random = seededRandom(seed ^ 0xd21e)
  const run: Run = {
    world,
    ledger: createLedger(),
    bodies: createBodies(random, config.bodies).map((body) => ({ ...body, digest: digestOf(body.bytes) })),
    ids: [],
    repeats: new Map(),
  }
  const underWay = new Set<UnderWay>()
  const starting = new Map<number, Promise<void>>()

  /** Lets things happen until the condition holds. */
  async function until(holds: () => boolean): Promise<void> {
    while (!holds() && violation === undefined) {
      if (steps++ > MAX_STEPS) world.broken('it never ends')
      if (!world.scheduler.step()) {
        await turn()
        if (!holds() && !world.scheduler.step())
          world.broken(
            `nothing can go on: ${[...underWay].map(({ operation }) => operation.kind).join(', ')} wait for ever`,
          )
      }
      await turn()
    }
  }
  async function some(count: number): Promise<void> {
    for (let at = 0; at < count && violation === undefined; at++) {
      steps++
      world.scheduler.step()
      await turn()
    }
  }
  function launch(operation: Operation, life: Life, work: Promise<unknown>): void {
    const entry: UnderWay = { operation, life }
    if (operation.kind === 'put' || operation.kind === 'collect') {
      const other = operation.kind === 'put' ? 'collect' : 'put'
      if ([...underWay].some((one) => one.operation.kind === other)) overlaps++
    }
    underWay.add(entry)
    work.then(
      () => underWay.delete(entry),
      (error: unknown) => {
        underWay.delete(entry)
        world.broken(`the run itself failed: ${error instanceof Error ? error.stack : String(error)}`)
      },
    )
  }
  function start(host: number): void {
    if (world.lives[host] !== undefined || starting.has(host)) return
    const up = world.start(host).then(
      () => world.note(() => `host ${host} is up`),
      (error: unknown) => {
        world.kill(host)
        if (error instanceof Error && !('code' in error))
          world.broken(`host ${host} cannot start: ${error.stack}`)
        world.note(() => `host ${host} cannot start: ${String(error)}`)
      },
    )
    starting.set(host, up)
    void up.then(() => {
      if (starting.get(host) === up) starting.delete(host)
    })
  }
  /** Forgets what the dead had under way: nobody will hear how it ended. */
  function bury(): void {
    for (const entry of underWay) if (entry.life.owner.state === 'dead') underWay.delete(entry)
    for (const host of starting.keys()) {
      const disk = config.diskOf[host]
      if (disk === undefined || !world.isStarting(host)) starting.delete(host)
    }
  }
  const wake = (): void => {
    for (const life of world.lives) if (life?.owner.state === 'paused') life.owner.state = 'awake'
  }
  const calm = (): void => {
    world.weather.troubledRatio = config.troubledRatio
    for (const { faults } of world.machines) faults.trouble = undefined
  }
  async function lifeFor(host: number): Promise<Life | undefined> {
    for (let tries = 0; tries < 20; tries++) {
      for (let at = 0; at < config.hosts; at++) {
        const life = world.lives[(host + at) % config.hosts]
        if (life?.owner.state === 'awake') return life
      }
      if (tries > 2) calm() // somebody has seen to the disk: else nothing more would happen in this run
      start(host)
      await until(() => !starting.has(host))
      if (violation !== undefined) return undefined
    }
    return undefined
  }

  async function perform(operation: Operation): Promise<void> {
    world.note(() => JSON.stringify(operation))
    switch (operation.kind) {
      case 'put':
      case 'delete':
      case 'update':
      case 'read':
      case 'collect':
      case 'expire':
      case 'verify':
      case 'compact': {
        const life = await lifeFor(operation.host)
        if (life === undefined) return
        operations++
        launch(operation, life, workOf(run, life, operation))
        return
      }
      case 'start':
        start(operation.host)
        return
      case 'kill':
        if (world.lives[operation.host] !== undefined) crashes++
        world.kill(operation.host)
        bury()
        return
      case 'cut':
        if (world.lives.some((life) => life !== undefined)) crashes++
        for (const machine of world.machines)
          if (operation.disk === 'all' || operation.disk === machine.index) {
            world.cutPower(machine)
            checkObjects(run, machine)
          }
        bury()
        return
      case 'pause': {
        const life = world.lives[operation.host]
        if (life !== undefined) {
          await some(random.integer(0, 30))
          if (life.owner.state === 'awake') life.owner.state = 'paused'
        }
        world.scheduler.pass(operation.ms)
        return
      }
      case 'resume':
        wake()
        return
      case 'pass':
        world.scheduler.pass(operation.ms)
        return
      case 'jump': {
        const machine = world.machines[operation.disk]
        if (machine !== undefined) machine.time.skewMs = operation.ms
        return
      }
      case 'trouble': {
        const machine = world.machines[operation.disk]
        // A disk that fails while its volume is being made: the names of shards that a failed sync forgot stay forgotten.
        // docs/operate/durability.md says to make such a volume anew.
        if (machine === undefined || !hasVolume(machine)) return
        machine.past.troubles++
        machine.faults.trouble = { kind: operation.trouble, ratio: operation.ratio }
        return
      }
      case 'weather':
        world.weather.troubledRatio = operation.ratio
        return
      case 'calm':
        calm()
        return
    }
  }

  // Thousands of refusals are part of a run: their stacks cost more than all else, and only a replay needs them.
  const { stackTraceLimit } = Error
  if (log === undefined) Error.stackTraceLimit = 0
  try {
    for (let host = 0; host < config.hosts; host++) start(host)
    for (const operation of plan.operations) {
      if (violation !== undefined) break
      if (operation.alone) {
        wake()
        await until(() => underWay.size === 0)
      }
      if (!operation.joint) {
        await some(random.integer(0, 12))
        await until(() => underWay.size < config.atOnce || isStuck(underWay))
        for (let host = 0; host < config.hosts; host++) if (random.next() < 0.3) start(host)
      }
      await perform(operation)
    }
    wake()
    calm()
    world.weather.troubledRatio = 0
    await until(() => underWay.size === 0 && starting.size === 0)
    if (violation === undefined) {
      const mustCrash = crashes === 0
      if (mustCrash) crashes++
      await settle(run, { until, random, mustCrash })
    }
  } catch (error) {
    world.broken(`the run itself failed: ${error instanceof Error ? error.stack : String(error)}`)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return { violation, operations, crashes, overlaps, steps }
}

/** All that is under way belongs to hosts that sleep. */
function isStuck(underWay: ReadonlySet<UnderWay>): boolean {
  return [...underWay].every(({ life }) => life.owner.state === 'paused')
}

function workOf(
  run: Run,
  life: Life,
  operation: Extract<Operation, { readonly host: number }>,
): Promise<unknown> {
  switch (operation.kind) {
    case 'put':
      return put(run, life, operation)
    case 'delete':
      return remove(run, life, operation.target)
    case 'update':
      return update(run, life, operation.target)
    case 'read':
      return read(run, life, operation)
    case 'collect':
      return collect(run, life, operation.thorough)
    case 'verify':
      return verify(run, life, operation.mode)
    case 'expire':
      return upkeep(run, life, 'expire', life.store.upkeep.expire())
    case 'compact':
      return upkeep(run, life, 'compact', life.store.upkeep.compactJournals())
    default:
      return Promise.resolve()
  }
}

/** Everything that follows at once from what has just happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
