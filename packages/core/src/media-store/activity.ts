import type { Clock } from '../contracts/clock.ts'
import { MediaError } from '../errors/media-error.ts'
import { stayAwake } from '../time/stay-awake.ts'

/** Calls under way, so that closing can wait for them and end the rest. */
export interface Activity {
  readonly closing: boolean
  readonly uploads: number
  /** @throws MediaError MEDIA_CLOSED once the store is closing. */
  checkOpen(): void
  /** Counts `work` as under way; its signal also aborts when the store gives up waiting. */
  run<T>(
    kind: 'upload' | 'call',
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>
  /** Something open, such as a reader. Returns how to say that it is over. */
  hold(abort: (reason: Error) => void): () => void
  /** Refuses new calls, waits up to `graceMs`, aborts the rest and waits for them to end. */
  close(graceMs: number, clock: Clock): Promise<void>
}

export function createActivity(): Activity {
  const underWay = new Set<(reason: Error) => void>()
  let uploads = 0
  let closing = false
  let idle: (() => void) | undefined

  const leave = (abort: (reason: Error) => void): void => {
    if (underWay.delete(abort) && underWay.size === 0) idle?.()
  }
  const checkOpen = (): void => {
    if (closing) throw closedError()
  }
  const whenIdle = (): Promise<void> =>
    underWay.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          idle = resolve
        })

  return {
    get closing() {
      return closing
    },
    get uploads() {
      return uploads
    },
    checkOpen,
    async run(kind, signal, work) {
      checkOpen()
      const controller = new AbortController()
      const abort = (reason: Error): void => controller.abort(reason)
      const onAbort = (): void => controller.abort(signal?.reason)
      if (signal?.aborted === true) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
      underWay.add(abort)
      if (kind === 'upload') uploads++
      const sleep = stayAwake()
      try {
        return await work(controller.signal)
      } finally {
        if (kind === 'upload') uploads--
        sleep()
        signal?.removeEventListener('abort', onAbort)
        leave(abort)
      }
    },
    hold(abort) {
      checkOpen()
      underWay.add(abort)
      return () => leave(abort)
    },
    async close(graceMs, clock) {
      closing = true
      if (underWay.size === 0) return
      // The process would end with the catalog open and its own `close` unanswered.
      const sleep = stayAwake()
      const done = whenIdle()
      let cancel = (): void => {}
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(graceMs, resolve)
      })
      await Promise.race([done, late])
      cancel()
      for (const abort of [...underWay]) abort(closedError())
      await done
      sleep()
    },
  }
}

function closedError(): MediaError {
  return new MediaError('MEDIA_CLOSED', 'the store is closed')
}
