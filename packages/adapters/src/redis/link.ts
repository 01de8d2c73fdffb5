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
  call<T>(act: string, send: () => Promise<T>, options?: CallOptions<T>): Promise<T>
  /** Runs a script on one key. */
  run(
    act: string,
    script: Script,
    key: string,
    given: readonly string[],
    options?: CallOptions<unknown>,
  ): Promise<unknown>
  /** Waits for what is under way. */
  close(): Promise<void>
}

/** The time that the commands of one act share, by `performance.now()`. */
export interface ActTime {
  /** Nobody waits longer than that, also not for a connection. */
  readonly endsMs: number
  /** When it is over: known from the first command on. */
  untilMs?: number
}

export interface CallOptions<T> {
  /** Default: a time of its own. */
  readonly time?: ActTime
  /** What to do with an answer that comes when nobody waits for it any more. */
  readonly late?: (answer: T) => void
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

  const inTime = <T>(
    act: string,
    answer: Promise<T>,
    leftMs: number,
    late: (answer: T) => void,
  ): Promise<T> =>
    new Promise((resolve, reject) => {
      let isLate = false
      let isSilent = false
      let timer: NodeJS.Timeout | undefined
      let turn: NodeJS.Immediate | undefined
      // A turn later: after a stall of this process the timer comes before the answers that are there already.
      const after = (ms: number, work: () => void): void => {
        timer = setTimeout(() => {
          turn = setImmediate(work)
        }, ms)
      }
      const beSilent = (): void => {
        isSilent = true
        if (unanswered++ === 0) standsSinceMs = performance.now()
      }
      after(leftMs, () => {
        isLate = true
        reject(slowError(act, timeoutMs))
        // Only who was asked for as long as any command may take, and says nothing, stands still.
        const restMs = timeoutMs - leftMs
        if (restMs < 1) beSilent()
        else after(restMs, beSilent)
      })
      const end = (): void => {
        clearTimeout(timer)
        clearImmediate(turn)
        if (isSilent) unanswered--
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
  const firstBefore = async (act: string, endsMs: number): Promise<void> => {
    if (endsMs === Number.POSITIVE_INFINITY) return firstTry
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(slowError(act, timeoutMs)), Math.max(endsMs - performance.now(), 0))
    })
    try {
      await Promise.race([firstTry, late])
    } finally {
      clearTimeout(timer)
    }
  }
  const ask: Link['call'] = async (act, send, { time = newTime(), late = () => undefined } = {}) => {
    try {
      if (client.status !== 'ready') await firstBefore(act, time.endsMs)
      if (client.status !== 'ready') throw new Error('not ready')
      checkMoving(act)
      const nowMs = performance.now()
      time.untilMs ??= Math.min(nowMs + timeoutMs, time.endsMs)
      if (time.untilMs <= nowMs) throw slowError(act, timeoutMs)
      return await inTime(act, send(), time.untilMs - nowMs, late).finally(() => {
        // What is answered after its time was kept waiting by this process: what follows has its own.
        if (performance.now() > (time.untilMs ?? Number.POSITIVE_INFINITY)) delete time.untilMs
      })
    } catch (error) {
      throw statesError(act, isMediaError(error) || isReplyError(error) ? error : (lastError ?? error))
    }
  }

  const run: Link['run'] = async (act, script, key, given, options = {}) => {
    // By digest and by text is one act: a script that is not known takes no longer.
    const within = { ...options, time: options.time ?? newTime() }
    try {
      return await ask(act, () => client.evalsha(script.sha, 1, key, ...given), within)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return await ask(act, () => client.eval(script.text, 1, key, ...given), within)
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
    call: (act, send, options) => tracked(ask(act, send, options)),
    run: (act, script, key, given, options) => tracked(run(act, script, key, given, options)),
    async close() {
      await Promise.allSettled(underWay)
      client.off('error', onError)
    },
  }
}

function newTime(): ActTime {
  return { endsMs: Number.POSITIVE_INFINITY }
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
