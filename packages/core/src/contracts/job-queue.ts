import type { JsonObject } from './bytes.ts'

export interface Job {
  readonly id: string
  readonly queue: string
  readonly payload: JsonObject
  /** 1 for the first try. */
  readonly attempt: number
}

/** Work that may run later or elsewhere. Delivery is at least once: workers are idempotent. */
export interface JobQueue {
  /** A job with the `id` of one that waits or runs is the same job. */
  add(
    queue: string,
    payload: JsonObject,
    options?: { readonly id?: string; readonly delayMs?: number },
  ): Promise<Job>
  /** Runs jobs of a queue until the returned function is called; it resolves when none is running. */
  work(
    queue: string,
    run: (job: Job, signal: AbortSignal) => Promise<void>,
    options?: { readonly concurrency?: number },
  ): () => Promise<void>
  close(): Promise<void>
}
