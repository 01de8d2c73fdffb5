import type { MediaEvent, Observer } from '../contracts/observer.ts'
import { EVENT_QUEUE_LENGTH } from '../defaults.ts'

/** Gives every event to the observer and to all who iterate. */
export interface EventHub {
  emit(event: MediaEvent): void
  subscribe(): AsyncIterableIterator<MediaEvent>
  close(): void
}

export function createEventHub(observer: Observer | undefined): EventHub {
  const queues = new Set<EventQueue>()
  let closed = false
  return {
    emit(event) {
      try {
        observer?.(event)
      } catch {
        // an observer can never fail the act it watches
      }
      for (const queue of queues) queue.push(event)
    },
    subscribe() {
      const queue = createQueue(() => queues.delete(queue))
      if (closed) queue.end()
      else queues.add(queue)
      return queue.iterator
    },
    close() {
      closed = true
      for (const queue of queues) queue.end()
      queues.clear()
    },
  }
}

interface EventQueue {
  readonly iterator: AsyncIterableIterator<MediaEvent>
  push(event: MediaEvent): void
  end(): void
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

function createQueue(leave: () => void): EventQueue {
  const waiting: MediaEvent[] = []
  const takers: ((result: IteratorResult<MediaEvent>) => void)[] = []
  let ended = false
  const end = (): void => {
    ended = true
    for (const take of takers.splice(0)) take(DONE)
  }
  const iterator: AsyncIterableIterator<MediaEvent> = {
    next() {
      const event = waiting.shift()
      if (event !== undefined) return Promise.resolve({ done: false, value: event })
      if (ended) return Promise.resolve(DONE)
      return new Promise((resolve) => takers.push(resolve))
    },
    return() {
      leave()
      waiting.length = 0
      end()
      return Promise.resolve(DONE)
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return {
    iterator,
    push(event) {
      const take = takers.shift()
      if (take !== undefined) {
        take({ done: false, value: event })
        return
      }
      if (waiting.length >= EVENT_QUEUE_LENGTH) waiting.shift()
      waiting.push(event)
    },
    end,
  }
}
