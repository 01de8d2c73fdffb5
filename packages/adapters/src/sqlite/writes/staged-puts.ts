import type { CommitContent, PlacementRecord } from '@mediakeep/core'
import type { BlobFacts } from './contents.ts'
import type { HeldSession, SessionRef } from './sessions.ts'

/** Memory for puts whose bytes are on their way; about 1 KiB each. */
const MAX_STAGED_PUTS = 1024

/** What a put staged, as far as it can never change. */
export interface StagedPut {
  readonly session: HeldSession
  readonly blob: BlobFacts
  /** Our own, as it was staged. */
  readonly placement: PlacementRecord
}

/**
 * What this writer staged and saw no commit of. The commit that follows need not read it again.
 *
 * It cannot be stale, because it holds only what no row ever changes: whose a session is, what a blob is, where a
 * placement lies. Whether their rows are still there, and in which state, is asked of the database by every commit.
 */
export interface StagedPuts {
  note(put: StagedPut): void
  /** What is known of this commit; forgotten with it. */
  take(input: CommitContent): StagedPut | undefined
}

export function createStagedPuts(): StagedPuts {
  const puts = new Map<string, StagedPut>()
  return {
    note(put) {
      const name = nameOf(put.session)
      // One that is staged again becomes the youngest.
      puts.delete(name)
      puts.set(name, put)
      if (puts.size <= MAX_STAGED_PUTS) return
      for (const oldest of puts.keys()) {
        puts.delete(oldest)
        return
      }
    },
    take({ session, blobId, placement }) {
      const name = nameOf(session)
      const put = puts.get(name)
      if (put === undefined) return undefined
      puts.delete(name)
      return put.placement.blobId === blobId && put.placement.id === placement?.id ? put : undefined
    },
  }
}

/** The fence too: who held an id before is another. */
function nameOf({ id, fence }: SessionRef): string {
  return `${id}.${fence}`
}
