import { setMaxListeners } from 'node:events'
import { checkObjectKey } from '../bytes/object-key.ts'
import type { ByteSource } from '../contracts/bytes.ts'
import type { Call } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import type {
  DeleteResult,
  ObjectHead,
  ObjectReader,
  ObjectStore,
  PutObjectOptions,
  StoreAttempt,
} from '../contracts/object-store.ts'
import type { CircuitOptions, CircuitReport } from '../decorators/circuit.ts'
import { FAILOVER_MAX_OWED, FAILOVER_MAX_PLACES } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { createGenerations } from '../state/generations.ts'
import { openCallScope } from '../time/call-scope.ts'
import { systemClock } from '../time/clock.ts'
import { deleteEverywhere, type Owing } from './delete.ts'
import { type Found, findIn } from './find.ts'
import { type HealedObject, healAll, payOwed } from './heal.ts'
import { createKeyGate } from './key-gate.ts'
import { listMerged } from './list.ts'
import { createMember, type Member } from './member.ts'
import { putConditional, putFirst } from './put.ts'
import { combinedTraits } from './traits.ts'

export type FailoverEvent =
  | { readonly type: 'member-down' | 'member-up'; readonly member: string }
  /** A put went to a member that is not the preferred one. */
  | { readonly type: 'landed-elsewhere'; readonly member: string; readonly key: string }
  /** The key was deleted while the member was down; it may still hold a copy. */
  | { readonly type: 'delete-owed'; readonly member: string; readonly key: string }

export interface FailoverStoreOptions {
  /** Default `failover`. */
  readonly name?: string
  /** When a member counts as down, and for how long it is left alone. */
  readonly circuit?: CircuitOptions
  /** How long a probe of a member that is down may take. Default 5 s. */
  readonly probeTimeoutMs?: number
  /** Deletions that may be owed to members that are down; a delete over that is refused. Default 10,000. */
  readonly maxOwed?: number
  /** Keys remembered as put elsewhere by this process. Default 100,000. */
  readonly maxPlaces?: number
  /** Called synchronously; what it throws is swallowed. */
  readonly onEvent?: (event: FailoverEvent) => void
  /** Default: the machine's. */
  readonly clock?: Clock
}

const OPTIONS: OptionNames<FailoverStoreOptions> = {
  name: true,
  circuit: true,
  probeTimeoutMs: true,
  maxOwed: true,
  maxPlaces: true,
  onEvent: true,
  clock: true,
}

export interface MemberHealth extends CircuitReport {
  readonly name: string
  readonly isUp: boolean
  readonly owedDeletes: number
}

export interface FailoverStore extends ObjectStore {
  open(): Promise<void>
  /** The members in order of preference, as they are now. */
  health(): readonly MemberHealth[]
  /** Deletions that members have still to make; gone with the process. */
  owed(): readonly { readonly member: string; readonly key: string }[]
  /** Moves what landed elsewhere back to the best member that is up; safe to repeat, to break off, and to run twice at once. */
  heal(options?: Call): AsyncIterable<HealedObject>
}

/**
 * Several stores as one, in order of preference, chosen by how they are and not by configuration.
 *
 * A `put` goes to the first member that takes it; `ObjectHead.storedIn` names it. A read asks where the object may be and
 * says "absent" only when every member that could hold it said so: one that does not answer makes it MEDIA_UNAVAILABLE.
 * `delete` removes every copy; for members that are down it is remembered, and made when they are back. `list` shows all
 * members together and needs them all. A `put` with `when` needs them all too, since each may hold what it is about; it is
 * decided by the member that has the object, else by the preferred one, and goes to no other.
 *
 * The members belong to it whole: what one of them holds below its prefix is taken for an object of this store.
 * It is made for keys that are written once. A key that is put again while the preferred member is down is read as the
 * newest by this process; another one, or this one after a restart, may read the older copy until `heal` tells the conflict.
 * @throws MediaError MEDIA_BAD_INPUT `bad-members`: none, or two of one name; `unknown-option`.
 */
export function failoverStore(
  stores: readonly ObjectStore[],
  options: FailoverStoreOptions = {},
): FailoverStore {
  refuseUnknown('failoverStore', options, OPTIONS)
  const { name = 'failover', clock = systemClock, onEvent } = options
  const traits = combinedTraits(name, stores)
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // one per call under way
  const gate = createKeyGate()
  const places = createGenerations<Member>(options.maxPlaces ?? FAILOVER_MAX_PLACES)

  const tell = (event: FailoverEvent): void => {
    try {
      onEvent?.(event)
    } catch {
      // A listener can never fail the call it is told of.
    }
  }
  const members: readonly Member[] = stores.map((store, rank) => {
    const member: Member = createMember(store, {
      rank,
      clock,
      circuit: options.circuit ?? {},
      ...(options.probeTimeoutMs === undefined ? {} : { probeTimeoutMs: options.probeTimeoutMs }),
      onDown: () => tell({ type: 'member-down', member: store.name }),
      onUp() {
        tell({ type: 'member-up', member: store.name })
        void payOwed(member, gate)
      },
    })
    return member
  })
  const owing: Owing = {
    members,
    maxOwed: options.maxOwed ?? FAILOVER_MAX_OWED,
    onOwed: (member, key) => tell({ type: 'delete-owed', member: member.name, key }),
    forgetPlace: (key) => places.delete(key),
  }

  const enter = (key: string, call: Call | undefined): void => {
    door(call)
    checkObjectKey(name, key, traits.maxKeyBytes)
  }
  /** A call that is over already does nothing. */
  const door = (call: Call | undefined): void => openCallScope(call, clock, closing.signal).release()
  const own = (head: ObjectHead, member: Member): ObjectHead => ({ ...head, storedIn: member.name })
  const find = <Result>(
    key: string,
    call: Call | undefined,
    ask: (store: ObjectStore) => Promise<Result | undefined>,
  ) => findIn(members, places.get(key), key, call, ask)

  /** The object is in this member now; what the others have of the key is older. */
  async function landed(member: Member, key: string): Promise<void> {
    const before = places.get(key)
    member.owed.delete(key)
    if (member.rank === 0) places.delete(key)
    else {
      places.set(key, member)
      tell({ type: 'landed-elsewhere', member: member.name, key })
    }
    if (before === undefined || before === member) return
    // What could not be deleted is owed: the put is done, and reads do not see the older copy.
    await before.store.delete(key).catch(() => before.owed.add(key))
  }
  /** One member decides. A put without condition that landed elsewhere meanwhile counts as the later one. */
  async function putWhen(key: string, source: ByteSource, put: PutObjectOptions): Promise<Found<ObjectHead>> {
    const call = callOf(put)
    const found = await find(key, call, (one) => one.head(key, call))
    const before = places.get(key)
    const landing = await putConditional(members, key, source, put, found)
    if (places.get(key) === before) await landed(landing.member, key)
    return landing
  }
  async function put(key: string, source: ByteSource, put: PutObjectOptions = {}): Promise<ObjectHead> {
    enter(key, put)
    if (source.sizeBytes > traits.maxObjectBytes) {
      const message = `${name}: ${source.sizeBytes} bytes, at most ${traits.maxObjectBytes} are taken`
      throw new MediaError('MEDIA_TOO_LARGE', message)
    }
    return gate.write([key], async () => {
      if (put.when !== undefined && traits.conditionalPut === 'enforced') {
        const { result, member } = await putWhen(key, source, put)
        return own(result, member)
      }
      const { result, member } = await putFirst(members, key, source, put, () => door(put))
      await landed(member, key)
      return own(result, member)
    })
  }
  async function get(
    key: string,
    get?: Parameters<ObjectStore['get']>[1],
  ): Promise<ObjectReader | undefined> {
    enter(key, get)
    const found = await find(key, get, (store) => store.get(key, get))
    if (found === undefined) return undefined
    const { result: reader, member } = found
    return {
      head: own(reader.head, member),
      range: reader.range,
      stream: () => reader.stream(),
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    }
  }
  async function deleteMany(keys: readonly string[], call?: Call): Promise<readonly DeleteResult[]> {
    door(call)
    return gate.write(keys, () => deleteEverywhere(owing, keys, call))
  }
  async function open(): Promise<void> {
    door(undefined)
    const results = await Promise.allSettled(members.map((member) => member.open()))
    const failed = results.filter((result) => result.status === 'rejected')
    if (failed.length === members.length) throw failed[0]?.reason
  }
  async function close(): Promise<void> {
    closing.abort(new MediaError('MEDIA_CLOSED', `${name}: the store is closed`))
    await Promise.all(members.map((member) => member.close()))
  }

  const store: FailoverStore = {
    name,
    traits,
    put,
    get,
    async head(key, call) {
      enter(key, call)
      const found = await find(key, call, (one) => one.head(key, call))
      return found === undefined ? undefined : own(found.result, found.member)
    },
    async delete(key, call) {
      enter(key, call)
      const [result] = await deleteMany([key], call)
      if (result?.error !== undefined) throw result.error
    },
    deleteMany,
    async list(list = {}) {
      door(list)
      return listMerged(members, list)
    },
    open,
    close,
    [Symbol.asyncDispose]: close,
    health: () =>
      members.map((member) => ({
        name: member.name,
        isUp: member.isUp(),
        owedDeletes: member.owed.size,
        ...member.report(),
      })),
    owed: () => members.flatMap(({ name: member, owed }) => [...owed].map((key) => ({ member, key }))),
    heal(call) {
      door(call)
      return healAll(
        { members, gate, placeOf: (key) => places.get(key), forgetPlace: (key) => places.delete(key) },
        call,
      )
    },
    ...sweeping(members),
    ...observing(stores),
    ...filing(stores, (key, call) => {
      enter(key, call)
      return find(key, call, async (one) => one.openFile?.(key, call)).then((found) => found?.result)
    }),
  }
  return store
}

/** The look before a conditional put has a signal and a deadline of the call, and nothing of its body. */
function callOf({ signal, deadlineAt, context }: PutObjectOptions): Call {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...(context === undefined ? {} : { context }),
  }
}

/** Uploads on all members that know of some; one that is down does not keep the others from it. */
function sweeping(members: readonly Member[]): Pick<ObjectStore, 'sweepUploads'> {
  const able = members.filter(({ store }) => store.sweepUploads !== undefined)
  if (able.length === 0) return {}
  return {
    async sweepUploads(options) {
      const swept = await Promise.allSettled(
        able.map(async ({ store }) => store.sweepUploads?.(options) ?? 0),
      )
      const failed = swept.find((each) => each.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      return swept.reduce((sum, each) => sum + (each.status === 'fulfilled' ? each.value : 0), 0)
    },
  }
}

/** Attempts of all members; there where all tell of them, since a part would be taken for the whole. */
function observing(stores: readonly ObjectStore[]): Pick<ObjectStore, 'observe'> {
  if (!stores.every((store) => store.observe !== undefined)) return {}
  return {
    observe(listener: (attempt: StoreAttempt) => void) {
      const stops = stores.map((store) => store.observe?.(listener))
      return () => {
        for (const stop of stops) stop?.()
      }
    },
  }
}

function filing(
  stores: readonly ObjectStore[],
  openFile: NonNullable<ObjectStore['openFile']>,
): Pick<ObjectStore, 'openFile'> {
  return stores.every((store) => store.openFile !== undefined)
    ? { openFile: async (key, call) => openFile(key, call) }
    : {}
}
