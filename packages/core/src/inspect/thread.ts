import { Worker } from 'node:worker_threads'
import type { MediaFacts } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'
import type { ReadBytes } from './byte-window.ts'
import type { FromThread, LookMessage, ToThread } from './protocol.ts'
import { invalid } from './refusals.ts'

/** A thread that looks into one body at a time. */
export interface InspectThread {
  /** Whether it can take the next body. */
  readonly isFree: boolean
  /**
   * The outcome of a look. After the signal or the source ended it, the thread is not free again: it is to be ended.
   * @throws what the look refuses, what `read` throws, the signal's reason; MEDIA_INVALID `inspection-failed` when the body
   * brought the thread down.
   */
  look(
    body: Omit<LookMessage, 'type'>,
    read: ReadBytes,
    signal: AbortSignal,
    onBegun: () => void,
  ): Promise<MediaFacts>
  /** Ends it, whatever it does. */
  end(): Promise<void>
}

/** Enough for any body that is taken; a look that wants more has met one that should not be. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 }

interface Job {
  readonly read: ReadBytes
  onBegun(): void
  /** Tells the outcome; what comes later is not heard. */
  settle(outcome: { readonly facts: MediaFacts } | { readonly error: unknown }): void
}

/** Starts a thread. It keeps the process alive only while it looks into a body. */
export function startThread(url: URL = workerUrl()): InspectThread {
  const worker = new Worker(url, {
    name: 'mediakeep-inspect',
    execArgv: [],
    stdout: false,
    stderr: false,
    resourceLimits: RESOURCE_LIMITS,
  })
  worker.unref()
  let isAlive = true
  let job: Job | undefined
  const say = (message: ToThread, transfer: readonly ArrayBuffer[] = []): void =>
    worker.postMessage(message, transfer)
  const finish = (outcome: Parameters<Job['settle']>[0]): void => {
    const finished = job
    job = undefined
    if (isAlive) worker.unref()
    finished?.settle(outcome)
  }
  const give = async ({ read, settle }: Job, start: number, endExclusive: number): Promise<void> => {
    try {
      // A copy, because it is given away: of a part of a larger buffer all of that would be sent.
      const bytes = Uint8Array.prototype.slice.call(await read(start, endExclusive))
      say({ type: 'bytes', bytes }, [bytes.buffer])
    } catch (error) {
      settle({ error })
    }
  }
  worker.on('message', (message: FromThread) => {
    switch (message.type) {
      case 'begun':
        job?.onBegun()
        break
      case 'read':
        if (job !== undefined) void give(job, message.start, message.endExclusive)
        break
      case 'facts':
        finish({ facts: message.facts })
        break
      case 'refused': {
        const { code, reason, message: text } = message
        finish({ error: new MediaError(code, text, reason === undefined ? {} : { reason }) })
        break
      }
      case 'failed':
        finish({ error: broughtDown(new Error(message.message)) })
    }
  })
  const died = (cause: unknown): void => {
    isAlive = false
    // A file that is not there is nobody's body.
    const isOurs = (cause as NodeJS.ErrnoException | undefined)?.code?.endsWith('MODULE_NOT_FOUND') === true
    finish({ error: isOurs ? notThere(cause) : broughtDown(cause) })
  }
  worker.on('error', died)
  worker.on('exit', () => died(undefined))

  return {
    get isFree() {
      return isAlive && job === undefined
    },
    look(body, read, signal, onBegun) {
      return new Promise((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        job = {
          read,
          onBegun,
          settle(outcome) {
            signal.removeEventListener('abort', onAbort)
            if ('facts' in outcome) resolve(outcome.facts)
            else reject(outcome.error)
          },
        }
        worker.ref()
        say({ type: 'look', ...body })
      })
    },
    async end() {
      isAlive = false
      await worker.terminate()
    },
  }
}

function broughtDown(cause: unknown): MediaError {
  return invalid('inspection-failed', 'the body brought down the look into it', cause)
}

function notThere(cause: unknown): MediaError {
  return new MediaError(
    'MEDIA_UNAVAILABLE',
    'inspect-worker.js is not beside the code that starts it; keep the folder of the package together',
    { reason: 'inspector-not-there', cause },
  )
}

/** The bundle. From source it is the one made from these sources: Node 20 starts no worker from TypeScript. */
function workerUrl(): URL {
  const here = import.meta.url
  if (here.endsWith('.ts')) return new URL('../../dist/inspect-worker.js', here)
  return new URL('./inspect-worker.js', here)
}
