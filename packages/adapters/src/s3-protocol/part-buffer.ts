import { createHash } from 'node:crypto'
import type { Body } from './bucket-client.ts'

/** Gathers chunks of any size into parts of one size. */
export interface PartBuffer {
  /** Copies the chunk. A promise when the caller must wait before it gives more. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** What is left of the last part, and the SHA-256 of everything. */
  end(): { readonly rest: Body; readonly sha256: string }
}

/** @param onPart is given each full part, once there is more than that: the last part is never empty, unless all is */
export function createPartBuffer(partBytes: number, onPart: (part: Body) => Promise<void>): PartBuffer {
  const whole = createHash('sha256')
  // Chunk by chunk: at once, a part would hold everything else up for longer than a request takes.
  let hash = createHash('sha256')
  let part: Buffer | undefined
  let filled = 0

  function seal(): Body {
    const sealed = { bytes: part?.subarray(0, filled) ?? new Uint8Array(0), sha256: hash.digest('hex') }
    part = undefined
    hash = createHash('sha256')
    return sealed
  }

  async function cut(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      if (part !== undefined && filled === partBytes) await onPart(seal())
      at += copy(chunk.subarray(at))
    }
  }

  /** How much of it found room. */
  function copy(chunk: Uint8Array): number {
    if (part === undefined) {
      part = Buffer.allocUnsafeSlow(partBytes) // pages that nothing is written to cost nothing
      filled = 0
    }
    const taken = Math.min(chunk.byteLength, partBytes - filled)
    part.set(chunk.subarray(0, taken), filled)
    hash.update(part.subarray(filled, filled + taken))
    filled += taken
    return taken
  }

  return {
    write(chunk) {
      whole.update(chunk)
      if ((part === undefined ? 0 : filled) + chunk.byteLength > partBytes) return cut(chunk)
      if (chunk.byteLength > 0) copy(chunk)
      return undefined
    },
    end: () => ({ rest: seal(), sha256: whole.digest('hex') }),
  }
}
