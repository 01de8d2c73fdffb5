import type { Call } from '../contracts/call.ts'
import { MediaError } from '../errors/media-error.ts'
import type { Engine } from './engine.ts'

/** Runs `work` as a call under way: it ends with the caller's signal, the deadline, or the store's close. */
export function callSignal<T>(
  engine: Engine,
  { signal, deadlineAt }: Call,
  work: (signal: AbortSignal) => Promise<T>,
  kind: 'upload' | 'call' = 'call',
): Promise<T> {
  if (deadlineAt === undefined) return engine.activity.run(kind, signal, work)
  const deadline = new AbortController()
  const expire = (): void =>
    deadline.abort(
      new MediaError('MEDIA_TIMEOUT', `the deadline ${deadlineAt.toISOString()} has passed`, {
        reason: 'deadline',
      }),
    )
  const leftMs = deadlineAt.getTime() - engine.clock.now()
  if (leftMs <= 0) expire()
  const cancel = engine.clock.after(Math.max(0, leftMs), expire)
  const either = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal])
  return engine.activity.run(kind, either, work).finally(cancel)
}
