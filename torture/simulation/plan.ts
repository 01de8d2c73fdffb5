import { type Random, seededRandom } from '@mediakeep/testkit'
import { TROUBLES, type Trouble } from './faults.ts'

/** A media by the host's key, or one of those that were made without: the n-th, counted round. */
export type Target = { readonly key: number } | { readonly nth: number }

/** What is done, and where. `joint`: together with the operation before it, nothing happens in between. `alone`: when all before it have ended. */
export type Operation = { readonly joint?: true; readonly alone?: true } & (
  | {
      readonly kind: 'put'
      readonly host: number
      /** `undefined`: a new media without key. */
      readonly key: number | undefined
      readonly body: number
      readonly absent: boolean
      readonly idempotencyKey: number | undefined
    }
  | { readonly kind: 'delete' | 'update'; readonly host: number; readonly target: Target }
  | {
      readonly kind: 'read'
      readonly host: number
      readonly target: Target
      readonly how: 'whole' | 'range' | 'late'
    }
  | { readonly kind: 'collect'; readonly host: number; readonly thorough: boolean }
  | { readonly kind: 'verify'; readonly host: number; readonly mode: 'content' | 'stored' }
  | { readonly kind: 'expire' | 'compact' | 'kill' | 'start'; readonly host: number }
  | { readonly kind: 'pause'; readonly host: number; readonly ms: number }
  | { readonly kind: 'resume' }
  | { readonly kind: 'cut'; readonly disk: number | 'all' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'jump'; readonly disk: number; readonly ms: number }
  | { readonly kind: 'trouble'; readonly disk: number; readonly trouble: Trouble; readonly ratio: number }
  | { readonly kind: 'weather'; readonly ratio: number }
  | { readonly kind: 'calm' }
)

export interface Config {
  readonly hosts: number
  readonly disks: number
  /** Which disk each host has. */
  readonly diskOf: readonly number[]
  readonly order: 'weak' | 'ordered'
  readonly graceMs: number
  readonly sessionTtlMs: number
  readonly sweepAfterMs: number
  readonly cacheBytes: number
  readonly verifiedForMs: number
  readonly keys: number
  readonly bodies: number
  readonly atOnce: number
  readonly troubledRatio: number
  /** Machines never fail, only processes: then the journal has every line, and a lost database can be made again. */
  readonly sound: boolean
  /** Starts on an empty disk, else on a volume that was made before. */
  readonly bare: boolean
}

export interface Plan {
  readonly seed: number
  readonly config: Config
  readonly operations: readonly Operation[]
}

const pick = <Item>(random: Random, items: readonly [Item, ...Item[]]): Item =>
  items[random.integer(0, items.length)] ?? items[0]

/** Everything that a seed does. The order of what it lets loose is the scheduler's, from the same seed. */
export function planOf(seed: number): Plan {
  const random = seededRandom(seed)
  const config = configOf(random)
  const operations: Operation[] = []
  const must = [
    { at: random.integer(5, 60), make: crash },
    { at: random.integer(3, 60), make: contest },
  ]
  while (operations.filter(isAsked).length < MIN_OPERATIONS) {
    const due = must.findIndex(({ at }) => at <= operations.length)
    const [made] = due < 0 ? [] : must.splice(due, 1)
    operations.push(...(made?.make ?? step)(random, config))
  }
  return { seed, config, operations: [...operations, ...must.flatMap(({ make }) => make(random, config))] }
}

/** Operations that are asked of a host, of every seed. */
export const MIN_OPERATIONS = 50

/** Asked of a host, and not done to it. */
const isAsked = ({ kind }: Operation): boolean =>
  /^(put|delete|update|read|collect|expire|verify|compact)$/.test(kind)

function configOf(random: Random): Config {
  const hosts = pick(random, [2, 2, 3, 3, 4, 5])
  const disks = pick(random, [1, 1, 1, 2, Math.min(3, hosts)])
  return {
    hosts,
    disks,
    diskOf: Array.from({ length: hosts }, (_, host) => host % disks),
    order: pick(random, ['weak', 'ordered']),
    graceMs: pick(random, [0, 500, 5_000, 60_000]),
    sessionTtlMs: pick(random, [1_000, 20_000]),
    sweepAfterMs: pick(random, [1_000, 30_000]),
    cacheBytes: pick(random, [0, 0, 20_000]),
    verifiedForMs: pick(random, [0, 60_000]),
    keys: random.integer(2, 6),
    bodies: random.integer(3, 9),
    atOnce: random.integer(1, 7),
    troubledRatio: pick(random, [0, 0, 0.02]),
    bare: random.integer(0, 5) === 0,
    sound: random.integer(0, 4) === 0,
  }
}

function target(random: Random, { keys }: Config): Target {
  return random.next() < 0.7 ? { key: random.integer(0, keys) } : { nth: random.integer(0, 20) }
}

function put(random: Random, config: Config): Operation {
  const host = random.integer(0, config.hosts)
  const body = random.integer(0, config.bodies)
  const kind = random.next()
  if (kind < 0.6)
    return {
      kind: 'put',
      host,
      key: random.integer(0, config.keys),
      body,
      absent: random.next() < 0.15,
      idempotencyKey: undefined,
    }
  const idempotencyKey = kind < 0.8 ? random.integer(0, 3) : undefined
  // The same idempotency key stands for the same put.
  return { kind: 'put', host, key: undefined, body: idempotencyKey ?? body, absent: false, idempotencyKey }
}

function step(random: Random, config: Config): readonly Operation[] {
  const host = random.integer(0, config.hosts)
  const disk = random.integer(0, config.disks)
  const dice = random.integer(0, 100)
  if (dice < 34) return [put(random, config)]
  if (dice < 50)
    return [
      { kind: 'read', host, target: target(random, config), how: pick(random, ['whole', 'range', 'late']) },
    ]
  if (dice < 60) return [{ kind: 'delete', host, target: target(random, config) }]
  if (dice < 63) return [{ kind: 'update', host, target: target(random, config) }]
  if (dice < 70) return [{ kind: 'collect', host, thorough: random.next() < 0.2 }]
  if (dice < 72) return [{ kind: 'verify', host, mode: pick(random, ['content', 'stored']) }]
  if (dice < 76) return [{ kind: pick(random, ['expire', 'expire', 'compact']), host }]
  if (dice < 84)
    return [{ kind: 'pass', ms: pick(random, [50, 600, config.graceMs + 1, config.sessionTtlMs + 1]) }]
  if (dice < 88) return crash(random, config)
  if (dice < 91) return pause(random, config)
  if (dice < 93) return [{ kind: 'jump', disk, ms: pick(random, [-86_400_000, -5_000, 5_000, 86_400_000]) }]
  if (dice < 96) return contest(random, config)
  if (dice < 98)
    return [{ kind: 'weather', ratio: 0.2 }, put(random, config), put(random, config), { kind: 'calm' }]
  if (config.sound) return []
  const names = Object.keys(TROUBLES).filter((name): name is Trouble => name in TROUBLES)
  const trouble = names[random.integer(0, names.length)] ?? 'EIO'
  return [
    { kind: 'trouble', disk, trouble, ratio: pick(random, [0.05, 0.3, 1]) },
    put(random, config),
    put(random, config),
    { kind: 'collect', host, thorough: false },
    { kind: 'verify', host, mode: 'content' },
    { kind: 'calm' },
  ]
}

/** A process or a machine goes, as often as not in the middle of puts. */
function crash(random: Random, config: Config): readonly Operation[] {
  const dice = random.next()
  const end: Operation =
    dice < 0.4 || config.sound
      ? { kind: 'kill', host: random.integer(0, config.hosts) }
      : { kind: 'cut', disk: dice < 0.8 ? random.integer(0, config.disks) : 'all' }
  if (random.next() < 0.4) return [end]
  return [put(random, config), { ...put(random, config), joint: true }, end]
}

/** A host sleeps in the middle of puts, and others tidy up behind it: past its sessions, or only past the grace. */
function pause(random: Random, config: Config): readonly Operation[] {
  const host = random.integer(0, config.hosts)
  const other = (host + 1) % config.hosts
  const first = { ...put(random, config), host } as Operation
  const collect: Operation = { kind: 'collect', host: other, thorough: false }
  const isLong = random.next() < 0.6
  return [
    first,
    { ...put(random, config), host, joint: true } as Operation,
    { kind: 'pause', host, ms: isLong ? config.sessionTtlMs + 1 : 1 },
    ...(isLong ? [{ kind: 'expire', host: other } as const] : []),
    collect,
    { kind: 'pass', ms: config.graceMs + 1 },
    collect,
    { kind: 'resume' },
  ]
}

/** Bytes lose their last reference and wait to be collected; they are put again before that, or while it is done. */
function contest(random: Random, config: Config): readonly Operation[] {
  const body = random.integer(0, config.bodies)
  const host = random.integer(0, config.hosts)
  const other = random.integer(0, config.hosts)
  const key = random.integer(0, config.keys)
  const put: Operation = { kind: 'put', host, key, body, absent: false, idempotencyKey: undefined }
  const collect: Operation = { kind: 'collect', host: other, thorough: false, alone: true }
  const pass: Operation = { kind: 'pass', ms: config.graceMs + 1 }
  const again: readonly Operation[] =
    random.next() < 0.5
      ? [pass, collect, { ...put, joint: true }]
      : [{ ...put, alone: true }, pass, collect, { ...put, key: (key + 1) % config.keys, joint: true }]
  return [
    put,
    { kind: 'delete', host, target: { key }, alone: true },
    collect,
    ...again,
    { kind: 'read', host, target: { key }, how: 'whole', alone: true },
  ]
}
