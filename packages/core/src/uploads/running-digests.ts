import { type BodyDigester, createBodyDigester } from '../cas/body-digest.ts'
import { SNIFF_BYTES } from '../validation/sniff.ts'
import type { OpenUpload } from './context.ts'

/**
 * Hashes of bodies that come in pieces, as far as they have come: a body whose pieces all came through this process needs not be read
 * again when it is whole. Only a saving: whoever finds none reads the bytes.
 */
export interface RunningDigests {
  /** One that has seen exactly the first `offsetBytes` as this process wrote them; the caller has it for itself then. */
  take(id: string, offsetBytes: number): BodyDigester | undefined
  /** Gives it back. */
  keep(id: string, digester: BodyDigester): void
  forget(id: string): void
}

export function createRunningDigests(maxEntries: number): RunningDigests {
  const kept = new Map<string, BodyDigester>()
  return {
    take(id, offsetBytes) {
      if (offsetBytes === 0) return createBodyDigester(SNIFF_BYTES)
      const digester = kept.get(id)
      // One that is elsewhere stays: chunks may come in any order, and it may be asked for yet.
      if (digester?.sizeBytes() !== offsetBytes) return undefined
      kept.delete(id)
      return digester
    },
    keep(id, digester) {
      kept.delete(id)
      kept.set(id, digester)
      if (kept.size <= maxEntries) return
      const [oldest] = kept.keys()
      if (oldest !== undefined) kept.delete(oldest)
    },
    forget(id) {
      kept.delete(id)
    },
  }
}

/** Chunks that come in order are hashed as they come. One that is written again ends that, whichever process it comes through. */
export function digestIdOf({ record, data }: Pick<OpenUpload, 'record' | 'data'>): string {
  return data.rewrites === undefined ? record.id : `${record.id}/${data.rewrites}`
}
