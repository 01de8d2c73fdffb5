import { setTimeout as delay } from 'node:timers/promises'
import type { Availability, MediaRef, MediaStore } from '@mediakeep/core'
import { DONE, type ExitCode, FAILED } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, parseReference, withStore } from './context.ts'

export interface WarmFlags {
  readonly wait?: boolean
}

/** Media asked for at once. */
const AT_ONCE = 4
/** Longest and shortest pause between two looks at one that is loading. */
const MAX_PAUSE_MS = 1_000
const MIN_PAUSE_MS = 50

/**
 * `warm REF...`: brings media to a tier that serves, and waits until they are there; exit code 1 when one is not. With `--no-wait` it
 * asks and tells how far each is: loads of other processes go on, one that began here ends with the command.
 */
export async function warmCommand(
  context: CommandContext,
  references: readonly string[],
  { wait = true }: WarmFlags,
): Promise<ExitCode> {
  const { output, progress, signal } = context
  const wanted = references.map((text) => ({ text, ref: parseReference(text) }))
  return withStore(context, async (store) => {
    const sizes = await Promise.all(wanted.map(({ ref }) => store.stat(ref, { signal })))
    const bar = progress.start(
      'warm',
      sizes.reduce((sum, media) => sum + (media?.sizeBytes ?? 0), 0),
    )
    let doneBytes = 0
    let failed = 0
    const queue = [...wanted.entries()]
    const take = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [index, { text, ref }] = next
        const answer = await warmOne(store, ref, wait, signal)
        const sizeBytes = sizes[index]?.sizeBytes ?? 0
        bar.update((doneBytes += sizeBytes))
        const fine = isFine(answer, wait)
        if (!fine) failed++
        await output[fine ? 'item' : 'fault'](
          { ref: text, ...answer },
          `${tell(answer)}  ${text}  ${formatBytes(sizeBytes)}`,
        )
      }
    }
    try {
      const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, take))
      for (const end of ended) if (end.status === 'rejected') throw end.reason
    } finally {
      bar.end()
      progress.stop()
    }
    return failed === 0 ? DONE : FAILED
  })
}

async function warmOne(
  store: MediaStore,
  ref: MediaRef,
  wait: boolean,
  signal: AbortSignal,
): Promise<Availability> {
  let answer = await store.warm(ref, { signal })
  while (wait && answer.state === 'loading') {
    const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, answer.retryAfterMs))
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    answer = await store.availability(ref, { signal })
  }
  return answer
}

const isFine = ({ state }: Availability, wait: boolean): boolean =>
  state === 'ready' || (!wait && state === 'loading')

function tell(answer: Availability): string {
  switch (answer.state) {
    case 'ready':
      return `ready on ${answer.tier}`
    case 'cold':
      return `cold on ${answer.tier}: no tier that serves has room for it`
    case 'loading':
      return `loading, ready in ${Math.ceil(answer.retryAfterMs / 1000)} s or so`
    case 'failed':
      return `failed: ${answer.reason}`
    case 'held':
      return `held: ${answer.reason}`
    case 'missing':
      return 'missing'
  }
}
