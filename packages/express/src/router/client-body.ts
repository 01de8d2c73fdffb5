import type { IncomingMessage } from 'node:http'
import { MediaError } from '@mediakeep/core'
import { BODY_QUEUE_BYTES, BODY_QUEUES_BYTES, MIN_BODY_QUEUE_BYTES } from '../defaults.ts'
import type { ChunkSource } from '../multipart/form.ts'

export interface ClientBodyOptions {
  readonly minBytesPerSecond: number
  readonly rateWindowMs: number
}

/** The body of a request, taken as fast as it is consumed and no faster. */
export interface ClientBody extends ChunkSource, AsyncIterable<Uint8Array> {
  receivedBytes(): number
  /** All of it has come. */
  isComplete(): boolean
  /** Aborts, with what `next` then throws, when the sender vanishes or is too slow. Never after the last byte. */
  readonly signal: AbortSignal
  /** Stops taking; what is left stays unread. Idempotent. */
  stop(): void
}

/** Tells whether a request says that it has a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && length !== '0'
}

/** Length the sender declares; `undefined` for a chunked body. */
export function declaredBytes({ headers }: IncomingMessage): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined
  const length = headers['content-length']
  return length === undefined ? 0 : Number(length)
}

/** Something read of the body, or made text of it: what would come now is not what was sent. */
function isTaken(request: IncomingMessage): boolean {
  if (!hasBody(request)) return false
  return request.readableDidRead || request.readableEnded || request.readableEncoding !== null
}

function takenBefore(): MediaError {
  return new MediaError(
    'MEDIA_UNSUPPORTED',
    'the body was read before it came to the router: mount the router in front of body parsers',
    { reason: 'body-already-read' },
  )
}

/** Bodies of the process that are being read. */
let readCount = 0

/** What a body may have waiting: the more there are, the less each. */
function queueLimitBytes(): number {
  return Math.max(MIN_BODY_QUEUE_BYTES, Math.min(BODY_QUEUE_BYTES, BODY_QUEUES_BYTES / readCount))
}

/**
 * Opens the body. Reading begins with the first `next`, so that `Expect` is answered no sooner.
 * @throws MediaError MEDIA_UNSUPPORTED `unsupported-transfer-coding`.
 * @throws MediaError MEDIA_UNSUPPORTED `body-already-read` when something in front of the router read it, or some of it:
 * a body parser, which is the host's mistake.
 */
export function openClientBody(request: IncomingMessage, options: ClientBodyOptions): ClientBody {
  if (isTaken(request)) throw takenBefore()
  const coding = request.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    // node:http takes off only the outermost `chunked`: what is left is not what the sender means.
    throw new MediaError('MEDIA_UNSUPPORTED', 'bodies are taken with no transfer coding but chunked', {
      reason: 'unsupported-transfer-coding',
    })
  }
  const controller = new AbortController()
  const queue: Buffer[] = []
  let taken = 0
  let queuedBytes = 0
  let receivedBytes = 0
  let isComplete = !hasBody(request)
  let failure: Error | undefined
  let isPaused = false
  let isOpen = false
  let isRead = false
  let isStopped = false
  let wake: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let windowBytes = 0
  let wasPaused = false

  const notify = (): void => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }
  const fail = (error: Error): void => {
    if (isComplete || failure !== undefined || isStopped) return
    failure = error
    detach()
    controller.abort(error)
    notify()
  }
  const onData = (chunk: Buffer): void => {
    receivedBytes += chunk.length
    windowBytes += chunk.length
    queuedBytes += chunk.length
    queue.push(chunk)
    if (queuedBytes >= queueLimitBytes() && !isPaused) {
      isPaused = true
      wasPaused = true
      request.pause()
    }
    notify()
  }
  const onEnd = (): void => {
    // Node also ends a body whose connection ended; only a complete one is whole.
    if (!request.complete) return
    isComplete = true
    detach()
    notify()
  }
  const onLost = (): void => {
    fail(
      new MediaError('MEDIA_BAD_INPUT', 'the sender left before the end of the body', {
        reason: 'incomplete-body',
      }),
    )
  }
  const onWindow = (): void => {
    const isSlow = windowBytes * 1000 < options.minBytesPerSecond * options.rateWindowMs
    // Time in which we did not take anything says nothing about the sender.
    if (isSlow && !isPaused && !wasPaused) {
      const message = `the body came slower than ${options.minBytesPerSecond} bytes a second`
      fail(new MediaError('MEDIA_TIMEOUT', message, { reason: 'slow-body' }))
      return
    }
    windowBytes = 0
    wasPaused = isPaused
  }
  const attach = (): void => {
    isOpen = true
    isRead = true
    readCount++
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onLost)
    request.on('close', onLost)
    if (options.minBytesPerSecond > 0) timer = setInterval(onWindow, options.rateWindowMs).unref()
    if (request.destroyed && !request.complete) onLost()
    // Between the opening and now, by somebody who listens too.
    else if (isTaken(request)) fail(takenBefore())
    // Paused in front, while somebody was looked up: listening alone does not set it going.
    else if (request.isPaused()) request.resume()
  }
  const detach = (): void => {
    if (isRead) readCount--
    isRead = false
    clearInterval(timer)
    request.off('data', onData)
    request.off('end', onEnd)
    request.off('close', onLost)
    // The listener of 'error' stays: a connection may also break after we have lost interest.
    if (!isComplete) request.pause()
  }

  const next = async (): Promise<Buffer | undefined> => {
    if (!isOpen && !isComplete) attach()
    for (;;) {
      const chunk = queue[taken]
      if (chunk !== undefined) {
        taken++
        queuedBytes -= chunk.length
        if (taken === queue.length) {
          queue.length = 0
          taken = 0
          if (isPaused && !isComplete && !isStopped) {
            isPaused = false
            request.resume()
          }
        }
        return chunk
      }
      // After what came before it: an upload that goes on later keeps that.
      if (failure !== undefined) throw failure
      if (isComplete) return undefined
      if (isStopped) throw new Error('the body is no longer read')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  return {
    receivedBytes: () => receivedBytes,
    isComplete: () => isComplete,
    signal: controller.signal,
    next,
    stop() {
      if (isStopped) return
      isStopped = true
      if (isOpen && !isComplete && failure === undefined) detach()
      notify()
    },
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<Uint8Array, undefined>> {
        const value = await next()
        return value === undefined ? { done: true, value } : { done: false, value }
      },
    }),
  }
}
