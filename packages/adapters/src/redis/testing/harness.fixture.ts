import type { ResourceStates } from '@mediakeep/core'
import { fakeClock, type ResourceStatesHarness } from '@mediakeep/testkit'
import type { RedisServer } from '../../../../../scripts/redis.mjs'
import type { RedisClient, RedisClusterClient } from '../client.ts'
import { redisStates } from '../index.ts'

/** Short enough to wait for, and long enough for a server under load. */
const SETTLED_TTL_MS = 1_500
/** No case asks how fast an answer comes: machines that run tests are busy. */
const PATIENT_MS = 5_000

let prefixes = 0

export interface RedisHarnessOptions {
  readonly servers: readonly RedisServer[]
  /** A new client; the harness closes it. */
  readonly connect: () => (RedisClient | RedisClusterClient) & { quit(): Promise<unknown> }
  /** `fake`: scripts are told the time, which stands still, and so is every look at a state. Default `real`. */
  readonly clock?: 'fake' | 'real'
}

/** The kit on real servers: a prefix for each case. */
export function redisHarness({
  servers,
  connect,
  clock = 'real',
}: RedisHarnessOptions): ResourceStatesHarness {
  const onAll = (...words: string[]): Promise<string[]> =>
    Promise.all(servers.map((server) => server.cli(...words)))
  return {
    clock,
    ...(clock === 'real' ? { settledTtlMs: SETTLED_TTL_MS } : {}),
    async create() {
      const prefix = `kit${prefixes++}:`
      const time = fakeClock()
      const clients: ReturnType<typeof connect>[] = []
      const open = async (): Promise<ResourceStates> => {
        const client = connect()
        clients.push(client)
        const states = redisStates({
          client: clock === 'real' ? client : atTime(client, () => time.now()),
          prefix,
          settledTtlMs: SETTLED_TTL_MS,
          commandTimeoutMs: PATIENT_MS,
        })
        // It begins to listen with the first listener, and says so; cases do not wait for that.
        await new Promise<void>((resolve) => {
          states.subscribe(() => undefined, { onGap: resolve })
        })
        return states
      }
      return {
        states: await open(),
        second: open,
        nowMs: async () => {
          if (clock === 'fake') return time.now()
          const [seconds, micros] = (await servers[0]?.cli('TIME'))?.split('\n') ?? []
          return Number(seconds) * 1_000 + Number(micros) / 1_000
        },
        async advance(ms) {
          if (clock === 'fake') time.advance(ms)
          else await new Promise((resolve) => setTimeout(resolve, ms))
        },
        async lose() {
          await onAll('FLUSHALL')
          // What was lost is told apart by the time that passed.
          if (clock === 'fake') time.advance(1)
        },
        async gap() {
          await onAll('CLIENT', 'KILL', 'TYPE', 'pubsub')
        },
        async leftovers() {
          for (let tries = 0; ; tries++) {
            const channels = (await onAll('PUBSUB', 'CHANNELS', `${prefix}*`)).join('\n').trim()
            if (channels === '') return []
            if (tries > 200) return [`still listening: ${channels}`]
          }
        },
        async cleanup() {
          await Promise.all(clients.map((client) => client.quit()))
        },
      }
    },
  }
}

/** The client, but scripts see a time that we say: their texts are changed on the way. */
export function atTime<Client extends RedisClient | RedisClusterClient>(
  client: Client,
  nowMs: () => number,
): Client {
  return new Proxy(client, {
    get(target, name) {
      if (name === 'evalsha')
        return () => Promise.reject(Object.assign(new Error('NOSCRIPT'), { name: 'ReplyError' }))
      if (name === 'eval')
        return (text: string, ...rest: [number, ...string[]]) =>
          target.eval(text.replace("redis.call('TIME')", luaTime(nowMs())), ...rest)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value
    },
  })
}

function luaTime(nowMs: number): string {
  return `{'${Math.floor(nowMs / 1000)}', '${Math.floor((nowMs % 1000) * 1000)}'}`
}
