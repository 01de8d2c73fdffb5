import { createHash } from 'node:crypto'

/** Gathers chunks of any size into parts of one size. */
export interface PartBuffer {
  /** Copies the chunk. A promise when the caller must wait before it gives more. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** What is left of the last part, and the SHA-256 of everything. */
  end(): { readonly rest: Uint8Array; readonly sha256: string }
}

/** @param onPart is given each full part, once there is more than that: the last part is never empty, unless all is */
export function createPartBuffer(partBytes: number, onPart: (part: Uint8Array) => Promise<void>): PartBuffer {
  const hash = createHash('sha256')
  let part: Buffer | undefined
  let filled = 0

  async function cut(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      if (part !== undefined && filled === partBytes) {
        const full = part
        part = undefined
        await onPart(full)
      }
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
    filled += taken
    return taken
  }

  return {
    write(chunk) {
      hash.update(chunk)
      if ((part === undefined ? 0 : filled) + chunk.byteLength > partBytes) return cut(chunk)
      if (chunk.byteLength > 0) copy(chunk)
      return undefined
    },
    end() {
      const rest = part?.subarray(0, filled) ?? new Uint8Array(0)
      part = undefined
      return { rest, sha256: hash.digest('hex') }
    },
  }
}
