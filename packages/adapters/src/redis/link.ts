import { isMediaError } from '@mediakeep/core'
import { isCluster, type RedisClient, type RedisClusterClient } from './client.ts'
import { isReplyError, slowError, statesError } from './errors.ts'
import type { Script } from './scripts.ts'

/** How long the first calls wait for a connection that is being made. Later ones fail at once while there is none. */
const FIRST_CONNECT_MS = 1_000
/** A connection of ours without an answer for so long is made anew: the host behind it may be gone without a word. */
const STANDSTILL_MS = 2_000

/** A client, and how it is asked: every call ends in time, with an answer or a MediaError. */
export interface Link {
  /** Ends with the first connection, or with the first that fails. */
  readonly firstTry: Promise<void>
  /** @param late what to do with an answer that comes when nobody waits for it any more */
  call<T>(act: string, send: () => Promise<T>, late?: (answer: T) => void): Promise<T>
  /** Runs a script on one key. */
  run(
    act: string,
    script: Script,
    key: string,
    given: readonly string[],
    late?: (answer: unknown) => void,
  ): Promise<unknown>
  /** Waits for what is under way. */
  close(): Promise<void>
}

export interface LinkOptions {
  readonly client: RedisClient | RedisClusterClient
  readonly timeoutMs: number
  /** Ours to break a connection of. */
  readonly isOwn: boolean
}

export function createLink({ client, timeoutMs, isOwn }: LinkOptions): Link {
  /** Why there is no connection: told apart from the calls that this fails. */
  let lastError: unknown
  const onError = (error: Error): void => {
    lastError = error
  }
  client.on('error', onError)
  const firstTry = firstTryOf(client)

  // Behind a command without an answer all others wait too, but on a cluster, where each node has a connection of its own.
  let unanswered = 0
  let standsSinceMs = 0
  const checkMoving = (act: string): void => {
    if (unanswered === 0 || isCluster(client)) return
    if (isOwn && performance.now() - standsSinceMs > STANDSTILL_MS) {
      standsSinceMs = performance.now()
      client.disconnect(true)
    }
    throw slowError(act, timeoutMs)
  }

  const inTime = <T>(act: string, answer: Promise<T>, late: (answer: T) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      let isLate = false
      const giveUp = (): void => {
        isLate = true
        if (unanswered++ === 0) standsSinceMs = performance.now()
        reject(slowError(act, timeoutMs))
      }
      // A turn later: after a stall of this process the timer comes before the answers that are there already.
      let turn: NodeJS.Immediate | undefined
      const timer = setTimeout(() => {
        turn = setImmediate(giveUp)
      }, timeoutMs)
      const end = (): void => {
        clearTimeout(timer)
        clearImmediate(turn)
        if (isLate) unanswered--
      }
      answer.then(
        (value) => {
          end()
          lastError = undefined
          if (isLate) late(value)
          else resolve(value)
        },
        (error: unknown) => {
          end()
          reject(error)
        },
      )
    })

  const underWay = new Set<Promise<unknown>>()
  const ask: Link['call'] = async (act, send, late = () => undefined) => {
    try {
      if (client.status !== 'ready') await firstTry
      if (client.status !== 'ready') throw new Error('not ready')
      checkMoving(act)
      return await inTime(act, send(), late)
    } catch (error) {
      throw statesError(act, isMediaError(error) || isReplyError(error) ? error : (lastError ?? error))
    }
  }

  const run: Link['run'] = async (act, script, key, given, late) => {
    try {
      return await ask(act, () => client.evalsha(script.sha, 1, key, ...given), late)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return await ask(act, () => client.eval(script.text, 1, key, ...given), late)
    }
  }
  const tracked = <T>(answer: Promise<T>): Promise<T> => {
    underWay.add(answer)
    const end = (): void => void underWay.delete(answer)
    answer.then(end, end)
    return answer
  }

  return {
    firstTry,
    call: (act, send, late) => tracked(ask(act, send, late)),
    run: (act, script, key, given, late) => tracked(run(act, script, key, given, late)),
    async close() {
      await Promise.allSettled(underWay)
      client.off('error', onError)
    },
  }
}

function isUnknownScript(error: unknown): boolean {
  return isMediaError(error) && error.cause instanceof Error && error.cause.message === 'NOSCRIPT'
}

function firstTryOf(client: RedisClient | RedisClusterClient): Promise<void> {
  if (client.status === 'wait') client.connect().catch(() => undefined)
  return new Promise((resolve) => {
    const events = ['ready', 'close', 'end'] as const
    const end = (): void => {
      clearTimeout(timer)
      for (const event of events) client.off(event, end)
      resolve()
    }
    const timer = setTimeout(end, FIRST_CONNECT_MS)
    timer.unref()
    for (const event of events) client.on(event, end)
    if (client.status === 'ready') end()
  })
}
