import { Worker } from 'node:worker_threads'
import { isMediaError, MediaError } from '@mediakeep/core'
import { errorFromWire } from '../errors.ts'
import { noteAnswer } from '../turn-version.ts'
import type {
  AnswersMessage,
  CallMessage,
  CallsMessage,
  OperationName,
  Operations,
  ThreadSetup,
} from './protocol.ts'

/** One of our threads, as the calling thread sees it. */
export interface ThreadClient {
  /** Answers in the order of the thread's work. @throws MediaError what the call throws, or MEDIA_UNAVAILABLE when the thread died. */
  call<Name extends OperationName>(
    name: Name,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['output']>
  /** Waits for all calls, then ends the thread. */
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (output: never) => void
  readonly reject: (error: unknown) => void
}

/**
 * Starts a thread. Calls of one turn of the event loop travel in one message, and so do answers.
 * The thread keeps the process alive only while a call waits for its answer.
 */
export async function startThread(
  setup: ThreadSetup,
  offsetMs: () => number,
  url: URL = workerUrl(),
): Promise<ThreadClient> {
  const worker = new Worker(url, { workerData: setup, stdout: false, stderr: false })
  const waiting = new Map<number, Waiting>()
  let outgoing: CallMessage[] = []
  let nextNumber = 1
  let ended: MediaError | undefined
  let onOpened: { readonly resolve: () => void; readonly reject: (error: MediaError) => void } | undefined
  let onClosed: (() => void) | undefined

  const end = (error: MediaError): void => {
    ended ??= error
    onOpened?.reject(ended)
    const lost = [...waiting.values()]
    waiting.clear()
    for (const { reject } of lost) reject(ended)
    onClosed?.()
  }
  worker.on('error', (cause) => end(died(cause)))
  worker.on('exit', () => end(died(undefined)))
  worker.on('message', (message: AnswersMessage) => {
    switch (message.type) {
      case 'opened':
        return onOpened?.resolve()
      case 'refused':
        return end(errorFromWire(message.error))
      case 'closed':
        return
      case 'answers':
        noteAnswer()
        for (const answer of message.answers) {
          const call = waiting.get(answer[0])
          if (call === undefined) continue
          waiting.delete(answer[0])
          if (answer[1] === 'done') call.resolve(answer[2] as never)
          else call.reject(errorFromWire(answer[2]))
        }
        if (waiting.size === 0 && onClosed === undefined) worker.unref()
    }
  })

  const send = (message: CallsMessage): void => worker.postMessage(message)
  const flush = (): void => {
    if (outgoing.length === 0 || ended !== undefined) return
    const calls = outgoing
    outgoing = []
    if (trySend(calls) === undefined) return
    // One of them cannot cross a thread. It must fail alone: the others asked for nothing unusual.
    for (const call of calls) {
      const fault = trySend([call])
      if (fault === undefined) continue
      waiting.get(call[0])?.reject(fault)
      waiting.delete(call[0])
    }
    if (waiting.size === 0 && onClosed === undefined) worker.unref()
  }
  const trySend = (calls: readonly CallMessage[]): MediaError | undefined => {
    try {
      send({ type: 'calls', offsetMs: offsetMs(), calls })
      return undefined
    } catch (cause) {
      return new MediaError('MEDIA_BAD_INPUT', 'sqlite: what was given is more than plain data', {
        reason: 'not-plain-data',
        cause,
      })
    }
  }

  await new Promise<void>((resolve, reject) => {
    onOpened = { resolve, reject }
  })
  onOpened = undefined
  worker.unref()

  return {
    call(name, input) {
      if (ended !== undefined) return Promise.reject(ended)
      if (onClosed !== undefined) return Promise.reject(closedError())
      return new Promise((resolve, reject) => {
        if (waiting.size === 0) worker.ref()
        const number = nextNumber++
        waiting.set(number, { resolve, reject })
        // The end of this turn: whoever else calls until then travels along.
        if (outgoing.push([number, name, input]) === 1) setImmediate(flush)
      })
    },
    async close() {
      if (ended !== undefined || onClosed !== undefined) return
      const exited = new Promise<void>((resolve) => {
        onClosed = resolve
      })
      worker.ref()
      flush()
      send({ type: 'close' })
      await exited
    },
  }
}

export function closedError(): MediaError {
  return new MediaError('MEDIA_CLOSED', 'sqlite: the catalog is closed')
}

function died(cause: unknown): MediaError {
  if (isMediaError(cause)) return cause
  return new MediaError(
    'MEDIA_UNAVAILABLE',
    'sqlite: the thread of the catalog has ended; open the catalog again',
    {
      reason: 'catalog-thread-ended',
      cause,
    },
  )
}

/** The bundle. From source it is the one made from these sources: Node 20 starts no worker from TypeScript. */
function workerUrl(): URL {
  const here = import.meta.url
  if (here.endsWith('.ts')) return new URL('../../../dist/sqlite/worker.js', here)
  return new URL('./worker.js', here)
}
