import { INSPECTION_IDLE_MS } from '../defaults.ts'
import { type InspectThread, startThread } from './thread.ts'

/** Threads that are started when they are needed, kept for a while, and replaced when they are gone. */
export interface InspectThreads {
  /** How many there are. */
  readonly count: number
  /** One that is free; a new one when none is. */
  take(): InspectThread
  /** Gives it back; one that is still busy with what nobody waits for any more is ended. */
  give(thread: InspectThread): void
  close(): Promise<void>
}

export interface InspectThreadsOptions {
  readonly idleMs?: number
  readonly url?: URL | undefined
}

export function createInspectThreads({
  idleMs = INSPECTION_IDLE_MS,
  url,
}: InspectThreadsOptions): InspectThreads {
  const all = new Set<InspectThread>()
  const idle = new Map<InspectThread, NodeJS.Timeout>()
  const drop = async (thread: InspectThread): Promise<void> => {
    all.delete(thread)
    idle.delete(thread)
    await thread.end()
  }
  return {
    get count() {
      return all.size
    },
    take() {
      for (const [thread, timer] of idle) {
        clearTimeout(timer)
        idle.delete(thread)
        if (thread.isFree) return thread
        void drop(thread)
      }
      const thread = startThread(url)
      all.add(thread)
      return thread
    },
    give(thread) {
      if (!thread.isFree) {
        void drop(thread)
        return
      }
      // The last one used is the first one taken, so that the others are the ones that go.
      idle.set(thread, setTimeout(() => void drop(thread), idleMs).unref())
    },
    async close() {
      for (const timer of idle.values()) clearTimeout(timer)
      await Promise.all([...all].map(drop))
    },
  }
}
