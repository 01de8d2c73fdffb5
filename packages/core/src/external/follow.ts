import type { ObjectHint } from '../contracts/tiering.ts'
import { HINT_ATTEMPTS, HINT_RETRY_MS, LOOK_LANES, MAX_WAITING_HINTS } from '../defaults.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { untilAbort } from '../time/interruption.ts'
import type { ExternalContext } from './context.ts'

export interface FollowParts {
  readonly signal: AbortSignal | undefined
  look(key: string, signal: AbortSignal): Promise<unknown>
  reconcile(signal: AbortSignal): Promise<void>
}

/** What is to be looked at; `undefined`: everything. */
type Task = string | undefined

/**
 * Works hints off as they come. A key that waits is not put in line again; one that is being looked at is looked at once more, because
 * that look may have begun before what the hint is about. With too many in line the next hint is not asked for.
 */
export async function followHints(
  context: Pick<ExternalContext, 'clock' | 'emit'>,
  hints: AsyncIterable<ObjectHint>,
  parts: FollowParts,
): Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  const waiting = new Set<Task>()
  const running = new Set<Task>()
  const attempts = new Map<Task, number>()
  const pauses = new Set<() => void>()
  let wake = (): void => {}

  const start = (): void => {
    for (const task of waiting) {
      if (running.size >= LOOK_LANES || signal.aborted) break
      if (running.has(task)) continue
      waiting.delete(task)
      running.add(task)
      void run(task).then(() => {
        running.delete(task)
        start()
      })
    }
    wake()
  }
  const run = async (task: Task): Promise<void> => {
    try {
      await (task === undefined ? parts.reconcile(signal) : parts.look(task, signal))
      attempts.delete(task)
    } catch (error) {
      if (signal.aborted) return
      if (!isMediaError(error) || error.code === 'MEDIA_BAD_INPUT' || error.code === 'MEDIA_CLOSED')
        stopping.abort(error)
      else if (!error.retryable || !retry(task)) {
        attempts.delete(task)
        tellUpkeepFailed(context, 'hint', error)
      }
    }
  }
  const retry = (task: Task): boolean => {
    const count = (attempts.get(task) ?? 0) + 1
    attempts.set(task, count)
    if (count >= HINT_ATTEMPTS) return false
    const cancel = context.clock.after(HINT_RETRY_MS * 2 ** (count - 1), () => {
      pauses.delete(cancel)
      waiting.add(task)
      start()
    })
    pauses.add(cancel)
    return true
  }
  const untilTrue = async (isSo: () => boolean): Promise<void> => {
    while (!isSo() && !signal.aborted) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    signal.throwIfAborted()
  }
  const onAbort = (): void => {
    stopping.abort(parts.signal?.reason)
    wake()
  }

  parts.signal?.addEventListener('abort', onAbort, { once: true })
  if (parts.signal?.aborted === true) onAbort()
  signal.addEventListener('abort', () => wake(), { once: true })
  const source = hints[Symbol.asyncIterator]()
  let isEnded = false
  try {
    for (;;) {
      const hint = await untilAbort(source.next(), signal)
      isEnded = hint.done === true
      if (hint.done === true) break
      waiting.add('key' in hint.value ? hint.value.key : undefined)
      start()
      await untilTrue(() => waiting.size < MAX_WAITING_HINTS)
    }
    await untilTrue(() => waiting.size + running.size + pauses.size === 0)
  } finally {
    parts.signal?.removeEventListener('abort', onAbort)
    stopping.abort(new Error('the hints have ended'))
    for (const cancel of pauses) cancel()
    // It may be waiting for a hint that never comes.
    if (!isEnded) void Promise.resolve(source.return?.()).catch(() => {})
    while (running.size > 0) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
}
