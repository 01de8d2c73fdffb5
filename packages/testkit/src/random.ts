/** A small generator with a seed: the same seed gives the same sequence on every machine. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number
  /** An integer from `min` up to, not including, `maxExclusive`. */
  integer(min: number, maxExclusive: number): number
  bytes(sizeBytes: number): Uint8Array
}

/** xorshift32 over a mixed seed: fast and even enough for test bytes; not for secrets. */
export function seededRandom(seed: number): Random {
  let state = Math.imul((seed ^ 0x9e3779b9) >>> 0, 0x85ebca6b) >>> 0 || 1
  const step = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
  for (let i = 0; i < 8; i++) step()
  return {
    next: () => step() / 2 ** 32,
    integer: (min, maxExclusive) => min + Math.floor((step() / 2 ** 32) * (maxExclusive - min)),
    bytes(sizeBytes) {
      const words = new Uint32Array(Math.ceil(sizeBytes / 4))
      for (let i = 0; i < words.length; i++) words[i] = step()
      return new Uint8Array(words.buffer, 0, sizeBytes)
    },
  }
}

/** Bytes that look random and are the same each time. */
export function seededBytes(seed: number, sizeBytes: number): Uint8Array {
  return seededRandom(seed).bytes(sizeBytes)
}
