import {
  checkClaim,
  checkExtend,
  checkStateKey,
  type Lease,
  leaseLost,
  MAX_LEASE_MS,
  MediaError,
  type ResourceState,
  type ResourceStates,
  refuseUnknown,
  SETTLED_STATE_TTL_MS,
  settledStateOf,
  stateOf,
} from '@mediakeep/core'
import { channelOf, createChanges } from './changes.ts'
import { CLIENT_OPTIONS, isCluster, type RedisStatesOptions } from './client.ts'
import { formatFacts, parseEntry } from './entry.ts'
import { type ActTime, type CallOptions, createLink } from './link.ts'
import { CLAIM, DROP, EXTEND, INVALIDATE, LOOK, RELEASE, type Script, SETTLE } from './scripts.ts'

const COMMAND_TIMEOUT_MS = 50
const HEARTBEAT_MS = 1_000
/** Commands that are sent at once; the next follow when these are answered, with a time of their own. */
const BATCH_KEYS = 128
const PREFIX = /^[A-Za-z0-9:._-]{0,64}$/

/**
 * Resource states in a Redis, for as many processes as share it.
 * @throws MediaError MEDIA_BAD_INPUT `bad-setting` `unknown-option`
 */
export function redisStates(options: RedisStatesOptions): ResourceStates {
  refuseUnknown('redisStates', options, CLIENT_OPTIONS)
  return createRedisStates(options, undefined)
}

/** @param closeClient where the client is ours */
export function createRedisStates(
  options: RedisStatesOptions,
  closeClient: (() => void) | undefined,
): ResourceStates {
  const {
    client,
    prefix = 'mk:',
    settledTtlMs = SETTLED_STATE_TTL_MS,
    commandTimeoutMs = COMMAND_TIMEOUT_MS,
    heartbeatMs = HEARTBEAT_MS,
  } = options
  checkSettings({ prefix, settledTtlMs, commandTimeoutMs, heartbeatMs })
  const link = createLink({ client, timeoutMs: commandTimeoutMs, isOwn: closeClient !== undefined })
  const changes = createChanges({ client, link, prefix, heartbeatMs })
  const channel = channelOf(prefix)
  let isClosed = false
  let closing: Promise<void> | undefined

  const checkOpen = (): void => {
    if (isClosed) throw new MediaError('MEDIA_CLOSED', 'states: closed')
  }
  const enter = (keys: readonly string[]): void => {
    checkOpen()
    for (const key of keys) checkStateKey(key)
  }
  // In braces, so that a cluster places it by the key alone.
  const placeOf = (key: string): string => `${prefix}{${key}}`
  const run = (
    act: string,
    script: Script,
    { key, fencingToken: token }: { readonly key: string; readonly fencingToken?: number },
    given: readonly (string | number | undefined)[] = [],
    options?: CallOptions<unknown>,
  ): Promise<unknown> => {
    const words = given.map((one) => (one === undefined ? '' : String(one)))
    return link.run(
      act,
      script,
      placeOf(key),
      [channel, key, token === undefined ? '' : String(token), ...words],
      options,
    )
  }

  async function keptOf(keys: readonly string[], time: ActTime): Promise<readonly (string | null)[]> {
    const places = keys.map(placeOf)
    if (isCluster(client))
      return Promise.all(places.map((place) => link.call('read states', () => client.get(place), { time })))
    return link.call('read states', () => client.mget(places), { time })
  }

  async function stateFrom(
    key: string,
    kept: string | null,
    time: ActTime,
  ): Promise<ResourceState | undefined> {
    if (kept === null) return undefined
    const entry = parseEntry(kept)
    if (entry === 'forgotten') return undefined
    if (entry === 'damaged') {
      await run('drop a damaged state', DROP, { key }, [kept], { time })
      return undefined
    }
    // Redis itself forgets the others in time.
    if (entry.type === 'settled' && entry.state.state !== 'failed') return entry.state
    const looked = await run('read states', LOOK, { key }, [], { time })
    if (!Array.isArray(looked)) return undefined
    const [now, nowMs] = looked as readonly unknown[]
    const current = parseEntry(String(now))
    return typeof current === 'string' ? undefined : stateOf(current, Number(nowMs))
  }

  const release = async (lease: Lease): Promise<void> => {
    await run('release a lease', RELEASE, lease)
  }

  return {
    async read(keys, { withinMs } = {}) {
      enter(keys)
      const endsMs = performance.now() + (withinMs ?? Number.POSITIVE_INFINITY)
      const states: (ResourceState | undefined)[] = []
      for (const batch of batchesOf(keys)) {
        const time: ActTime = { endsMs }
        const kept = await keptOf(batch, time)
        states.push(
          ...(await Promise.all(batch.map((key, index) => stateFrom(key, kept[index] ?? null, time)))),
        )
      }
      return states
    },
    async claim(key, given) {
      enter([key])
      checkClaim(given)
      const { ttlMs, estimateMs } = given
      const leaseFrom = (answer: unknown): Lease | undefined => {
        if (!Array.isArray(answer)) return undefined
        const [token, ends] = answer as readonly unknown[]
        return { key, fencingToken: Number(token), endsAt: new Date(Number(ends)) }
      }
      // Nobody knows of a lease that was given too late: it would be in the way until its end.
      const giveBack = (answer: unknown): void => {
        const lease = leaseFrom(answer)
        if (lease !== undefined && !isClosed) release(lease).catch(() => undefined)
      }
      const words = [Math.ceil(ttlMs), estimateMs]
      return leaseFrom(await run('claim a lease', CLAIM, { key }, words, { late: giveBack }))
    },
    async extend(lease, given) {
      enter([lease.key])
      checkExtend(given)
      const { ttlMs, estimateMs, progressRatio } = given
      const answer = await run('extend a lease', EXTEND, lease, [Math.ceil(ttlMs), estimateMs, progressRatio])
      if (!Array.isArray(answer)) throw leaseLost(lease)
      return { ...lease, endsAt: new Date(Number((answer as readonly unknown[])[0])) }
    },
    async settle(lease, to) {
      enter([lease.key])
      const state = settledStateOf(to)
      const lifeMs = Math.ceil(state.state === 'failed' ? state.retryAfterMs : settledTtlMs)
      const answer = await run('settle a lease', SETTLE, lease, [state.state, formatFacts(state), lifeMs])
      if (Number(answer) !== 1) throw leaseLost(lease)
    },
    async release(lease) {
      enter([lease.key])
      await release(lease)
    },
    async invalidate(keys) {
      enter(keys)
      for (const batch of batchesOf(keys))
        await Promise.all(batch.map((key) => run('invalidate states', INVALIDATE, { key })))
    },
    subscribe(listener, { onGap }) {
      checkOpen()
      return changes.add({ onChange: listener, onGap })
    },
    close() {
      isClosed = true
      changes.close()
      closing ??= link.close().then(closeClient)
      return closing
    },
  }
}

function* batchesOf(keys: readonly string[]): Generator<readonly string[]> {
  for (let start = 0; start < keys.length; start += BATCH_KEYS) yield keys.slice(start, start + BATCH_KEYS)
}

function checkSettings({ prefix, ...times }: Required<Omit<RedisStatesOptions, 'client'>>): void {
  if (!PREFIX.test(prefix)) throw badSetting('prefix: up to 64 letters, digits, and : . _ -')
  for (const [name, ms] of Object.entries(times))
    if (!(ms > 0 && ms <= MAX_LEASE_MS)) throw badSetting(`${name}: more than 0 and at most ${MAX_LEASE_MS}`)
}

function badSetting(what: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `redis: ${what}`, { reason: 'bad-setting' })
}
