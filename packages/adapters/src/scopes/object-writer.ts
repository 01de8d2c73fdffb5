import {
  type CallScope,
  MediaError,
  type ObjectHead,
  type ObjectWriter,
  type PutObjectOptions,
} from '@mediakeep/core'
import type { Scopes } from './scopes.ts'

/** What a store says of its own about a writer. */
export interface WriterRules {
  /** The call that opened it; released with the writer. */
  readonly scope: CallScope
  /** Of the store: the commit has a signal and a deadline of its own, and the end of the store waits for what is dropped. */
  readonly scopes: Pick<Scopes, 'enter' | 'track'>
  /** Turns an error of the backend into one that callers know. */
  failed(error: unknown): unknown
  /** Called once, when nothing is held any more. */
  onFreed(): void
}

export interface WriterBody {
  write(chunk: Uint8Array): Promise<void>
  /** Makes the object of what was written. */
  publish(options: PutObjectOptions, scope: CallScope): Promise<ObjectHead>
  /** Gives up what was written. Called once at most. */
  drop(): Promise<void>
}

/** An object of unknown length on its way: committed once, or dropped with all that it holds, also when its call ends. */
export function createObjectWriter(body: WriterBody, rules: WriterRules): ObjectWriter {
  const { scope, scopes } = rules
  let state: 'open' | 'committing' | 'committed' | 'aborted' = 'open'
  let dropping: Promise<void> | undefined

  const free = (): void => {
    scope.signal.removeEventListener('abort', onAbort)
    scope.release()
    rules.onFreed()
  }
  const drop = (): Promise<void> => {
    if (state === 'committed') return Promise.resolve()
    state = 'aborted'
    dropping ??= body.drop().finally(free)
    return dropping
  }
  // A commit under way ends by itself: it looks at the signal until the object is published.
  const abort = async (): Promise<void> => {
    if (state === 'open' || state === 'aborted') await drop()
  }
  const onAbort = (): void => void scopes.track(abort())
  scope.signal.addEventListener('abort', onAbort, { once: true })
  const checkOpen = (): void => {
    scope.check()
    if (state !== 'open')
      throw new MediaError('MEDIA_BAD_INPUT', `the writer is ${state}`, { reason: 'writer-ended' })
  }

  return {
    async write(chunk) {
      checkOpen()
      try {
        await body.write(chunk)
      } catch (error) {
        scope.check() // what an abort made of a write is not the reason
        throw rules.failed(error)
      }
    },
    async commit(options = {}) {
      checkOpen()
      const commitScope = scopes.enter(options)
      state = 'committing'
      try {
        const head = await body.publish(options, commitScope)
        state = 'committed'
        free()
        return head
      } catch (error) {
        await drop()
        commitScope.check()
        scope.check()
        throw rules.failed(error)
      } finally {
        commitScope.release()
      }
    },
    abort,
  }
}
