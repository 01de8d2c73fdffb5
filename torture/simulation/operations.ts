import { type Digest, isMediaError, type Media, type MediaErrorCode, type MediaRef } from '@mediakeep/core'
import type { SampleBody } from './bodies.ts'
import type { Ledger, OpenWrite } from './ledger.ts'
import type { Operation, Target } from './plan.ts'
import type { Life, World } from './world.ts'

/** What the operations of one run share. */
export interface Run {
  readonly world: World
  readonly ledger: Ledger
  readonly bodies: readonly (SampleBody & { readonly digest: Digest })[]
  /** Media without key, in the order in which they were acknowledged. */
  readonly ids: string[]
  /** By idempotency key: what the first acknowledged put made, and when the first one began. */
  readonly repeats: Map<number, { id: string | undefined; readonly begun: number }>
}

type Put = Extract<Operation, { kind: 'put' }>
type Read = Extract<Operation, { kind: 'read' }>

/** Outcomes that nobody knows: the put may have been committed. */
const UNKNOWN: ReadonlySet<MediaErrorCode> = new Set([
  'MEDIA_UNAVAILABLE',
  'MEDIA_BUSY',
  'MEDIA_CLOSED',
  'MEDIA_TIMEOUT',
])

export async function put(
  run: Run,
  life: Life,
  { key, body: index, absent, idempotencyKey }: Put,
): Promise<void> {
  const { world, ledger } = run
  const body = run.bodies[index % run.bodies.length]
  if (body === undefined) return
  const value = index % run.bodies.length
  const name = key === undefined ? undefined : `key ${key}`
  const begun = ledger.tick()
  const repeat = idempotencyKey === undefined ? undefined : repeatOf(run, idempotencyKey, begun)
  const write: OpenWrite | undefined = name === undefined ? undefined : ledger.write(name, value)
  try {
    const media = await life.store.put(body.streamed ? pieces(world, life, body.bytes) : body.bytes, {
      ...(key === undefined ? {} : { at: { key: `k${key}` } }),
      ...(absent ? { when: { type: 'absent' } } : {}),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey: `i${idempotencyKey}` }),
    })
    world.note(() => `${life.owner.name}: kept ${value} as ${name ?? media.id}`)
    if (media.digest !== body.digest) world.broken(`a put of body ${value} was answered with ${media.digest}`)
    if (write !== undefined) write.acknowledged()
    else acknowledge(run, media, value, repeat ?? { id: undefined, begun })
  } catch (error) {
    failed(run, life, 'put', error)
    if (isMediaError(error) && !UNKNOWN.has(error.code)) write?.refused()
  }
}

function repeatOf(
  { repeats }: Run,
  idempotencyKey: number,
  begun: number,
): { id: string | undefined; readonly begun: number } {
  const known = repeats.get(idempotencyKey) ?? { id: undefined, begun }
  repeats.set(idempotencyKey, known)
  return known
}

function acknowledge(
  run: Run,
  media: Media,
  value: number,
  repeat: { id: string | undefined; readonly begun: number },
): void {
  if (repeat.id === undefined) {
    repeat.id = media.id
    run.ids.push(media.id)
    run.ledger.wrote(media.id, value, repeat.begun)
  } else if (repeat.id !== media.id) {
    run.world.broken(`an idempotency key made ${repeat.id}, and then ${media.id}`)
  }
}

/** A sender that takes its time. */
async function* pieces(world: World, { owner }: Life, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const step = Math.ceil(bytes.byteLength / 3)
  for (let at = 0; at < bytes.byteLength; at += step) {
    await turnOf(world, owner)
    yield bytes.subarray(at, at + step)
  }
}

function turnOf({ scheduler }: World, owner: Life['owner']): Promise<void> {
  return new Promise((resolve) =>
    scheduler.add({ owner, effect: undefined, deliver: resolve, outlives: false }),
  )
}

/** Name in the ledger and reference of what an operation is about; `undefined` while no media was made without key. */
export function resolve(
  { ids }: Run,
  target: Target,
): { readonly name: string; readonly ref: MediaRef } | undefined {
  if ('key' in target) return { name: `key ${target.key}`, ref: { key: `k${target.key}` } }
  const id = ids[target.nth % ids.length]
  return id === undefined ? undefined : { name: id, ref: id }
}

export async function read(
  run: Run,
  life: Life,
  { target, how }: Pick<Read, 'target' | 'how'>,
): Promise<'read' | 'elsewhere' | 'failed'> {
  const about = resolve(run, target)
  if (about === undefined) return 'read'
  const { name, ref } = about
  const { world, ledger } = run
  const begun = ledger.tick()
  const observe = (saw: string, fits: (value: number | 'absent') => boolean): void => {
    world.note(() => `${life.owner.name}: ${name} is ${saw}`)
    const allowed = ledger.allowed(name, begun)
    if (![...allowed].some(fits))
      world.broken(`${name} is ${saw}, and should be ${[...allowed].join(' or ')}`)
  }
  const absent = (value: number | 'absent'): boolean => value === 'absent'
  try {
    const media = how === 'whole' ? await life.store.stat(ref) : undefined
    if (how === 'whole' && media === undefined) {
      observe('absent', absent)
      return 'read'
    }
    const range = how === 'range' ? { start: 1, endExclusive: 3 } : undefined
    await using reader = await life.store.open(media ?? ref, range === undefined ? {} : { range })
    if (how === 'late') for (let turns = 0; turns < 6; turns++) await turnOf(world, life.owner)
    const bytes = await reader.bytes({ maxBytes: 1_000_000 })
    const seen = Buffer.from(bytes)
    const body = run.bodies.find(({ digest }) => digest === reader.media.digest)
    if (body === undefined || !seen.equals(part(body.bytes, range)))
      world.broken(`${name} gave ${seen.length} bytes that are not those of ${reader.media.digest}`)
    const given = run.bodies.findIndex(({ digest }) => digest === reader.media.digest)
    observe(`body ${given}`, (value) => value === given)
    return 'read'
  } catch (error) {
    failed(run, life, `read ${name}`, error)
    if (isMediaError(error, 'MEDIA_ABSENT')) observe('absent', absent)
    if (isMediaError(error, 'MEDIA_GONE') && ledger.writesSince(name, begun) === 0)
      world.broken(`a snapshot of ${name} was called gone, and nobody replaced it`)
    if (!isMediaError(error, 'MEDIA_CORRUPT')) return 'failed'
    if (world.machines.length > 1 && error.reason === 'no-intact-copy') return 'elsewhere'
    world.broken(`${name} has a record and no bytes: ${error.message}`)
    return 'failed'
  }
}

function part(
  bytes: Uint8Array,
  range: { readonly start: number; readonly endExclusive: number } | undefined,
): Uint8Array {
  return range === undefined ? bytes : bytes.subarray(range.start, range.endExclusive)
}

export async function remove(run: Run, life: Life, target: Target): Promise<void> {
  const about = resolve(run, target)
  if (about === undefined) return
  const { name, ref } = about
  const begun = run.ledger.tick()
  const write = run.ledger.write(name, 'absent')
  try {
    const was = await life.store.delete(ref)
    run.world.note(() => `${life.owner.name}: deleted ${name}: ${was}`)
    if (was) {
      write.acknowledged()
      return
    }
    write.refused()
    const allowed = run.ledger.allowed(name, begun)
    if (!allowed.has('absent'))
      run.world.broken(`there was no ${name} to delete, and it should be ${[...allowed].join(' or ')}`)
  } catch (error) {
    failed(run, life, 'delete', error)
    if (isMediaError(error) && !UNKNOWN.has(error.code)) write.refused()
  }
}

export async function update(run: Run, life: Life, target: Target): Promise<void> {
  const about = resolve(run, target)
  if (about === undefined) return
  const begun = run.ledger.tick()
  try {
    await life.store.update(about.ref, { tags: [`t${begun}`] })
  } catch (error) {
    failed(run, life, 'update', error)
    if (isMediaError(error, 'MEDIA_ABSENT') && !run.ledger.allowed(about.name, begun).has('absent'))
      run.world.broken(`${about.name} could not be updated: it is absent`)
  }
}

export async function collect(run: Run, life: Life, thorough: boolean): Promise<void> {
  const { breakage } = run.world
  if (breakage?.collect !== undefined)
    await breakage.collect(life, life.catalog).catch((error: unknown) => failed(run, life, 'collect', error))
  else await upkeep(run, life, 'collect', life.store.upkeep.collectGarbage({ thorough }))
}

/** Upkeep to its end. */
export async function upkeep<Progress>(
  run: Run,
  life: Life,
  what: string,
  progress: AsyncIterable<Progress>,
  look: (step: Progress) => void = () => {},
): Promise<void> {
  try {
    for await (const step of progress) look(step)
  } catch (error) {
    failed(run, life, what, error)
  }
}

/** Nothing damages bytes here: what a disk in trouble cannot read is all that may be told. */
export function verify(run: Run, life: Life, mode: 'content' | 'stored'): Promise<void> {
  return upkeep(run, life, 'verify', life.store.upkeep.verify({ mode, repair: true }), ({ damaged }) => {
    for (const { key, fault } of damaged)
      if (fault !== 'unreadable') run.world.broken(`verifying called ${key} damaged: ${fault}`)
  })
}

/** Whatever goes wrong is told in words that callers know. */
export function failed({ world }: Run, { owner }: Pick<Life, 'owner'>, what: string, error: unknown): void {
  world.note(() => `${owner.name}: ${what} failed: ${error instanceof Error ? error.message : String(error)}`)
  if (!isMediaError(error))
    world.broken(
      `${what} failed with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}, which is no MediaError`,
    )
}
