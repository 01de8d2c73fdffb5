/** How often ids were asked for of late, in bounded memory: resident or not, so that it is also the ghost of what left. */
export interface FrequencySketch {
  /** Counts one request for the id with this hash and answers how many are known, this one included: 1 .. 15. */
  count(hash: number): number
  /** What is known, rather too much than too little; counts nothing. */
  estimate(hash: number): number
  /** Makes room for so many ids to be told apart; never less than before. */
  growFor(idCount: number): void
  /** Wears all counters: called for each request, with the share of a half-life that it stands for. */
  age(halfLives: number): void
  readonly memoryBytes: number
}

/** For each id to be remembered; more ids than are resident leave their traces within a half-life. */
const COUNTERS_PER_ID = 64
const COUNTERS_PER_WORD = 8
/** All counters of an id lie in one block, so that they are worn at the same time. */
const BLOCK_WORDS = 8
const MIN_BLOCKS = 16
/** Counters of an id, each in its own quarter of the block: two words, 16 counters. */
const PROBES = 4
const MAX_COUNT = 15
/** Keeps the bits of eight halved counters, without those that came over from the neighbour. */
const HALF_MASK = 0x77777777
/** Most blocks that one call of `age` wears, so that no request pays for all others. */
const MAX_BLOCKS_AT_ONCE = 8

/**
 * Count-min over 4-bit counters with conservative update. Halving goes round the table block by block with the requests
 * instead of stopping at every n-th one. The table doubles as ids come: each block is copied to both places that share
 * its low bits, so an estimate stays an upper bound.
 * @see Cormode, Muthukrishnan: An improved data stream summary, 2005
 * @see Einziger, Friedman, Manes: TinyLFU, 2017
 */
export function createFrequencySketch(maxBytes: number): FrequencySketch {
  const blockBytes = BLOCK_WORDS * 4
  const maxBlocks = Math.max(MIN_BLOCKS, 2 ** Math.floor(Math.log2(Math.max(1, maxBytes / blockBytes))))
  let words = new Uint32Array(MIN_BLOCKS * BLOCK_WORDS)
  let blockCount = MIN_BLOCKS
  let cursor = 0
  let dueBlocks = 0
  /** Where the counters of the id looked up last are: word, and bit in it. */
  const probeWords = new Int32Array(PROBES)
  const probeShifts = new Int32Array(PROBES)

  const valueOf = (probe: number): number =>
    ((words[probeWords[probe] ?? 0] ?? 0) >>> (probeShifts[probe] ?? 0)) & MAX_COUNT

  /** Finds the counters of an id; answers the lowest. */
  const look = (hash: number): number => {
    const start = (hash & (blockCount - 1)) * BLOCK_WORDS
    const places = mix(hash ^ 0x9e3779b9)
    let lowest = MAX_COUNT
    for (let probe = 0; probe < PROBES; probe++) {
      const place = (places >>> (probe * 4)) & 15
      probeWords[probe] = start + probe * 2 + (place >>> 3)
      probeShifts[probe] = (place & 7) << 2
      lowest = Math.min(lowest, valueOf(probe))
    }
    return lowest
  }

  return {
    get memoryBytes() {
      return words.byteLength
    },
    count(hash) {
      const lowest = look(hash)
      if (lowest === MAX_COUNT) return MAX_COUNT
      for (let probe = 0; probe < PROBES; probe++) {
        if (valueOf(probe) !== lowest) continue
        const word = probeWords[probe] ?? 0
        words[word] = (words[word] ?? 0) + 2 ** (probeShifts[probe] ?? 0)
      }
      return lowest + 1
    },
    estimate: look,
    growFor(idCount) {
      while (words.length * COUNTERS_PER_WORD < idCount * COUNTERS_PER_ID && blockCount < maxBlocks) {
        const larger = new Uint32Array(words.length * 2)
        larger.set(words)
        larger.set(words, words.length)
        words = larger
        blockCount *= 2
      }
    },
    age(halfLives) {
      dueBlocks = Math.min(dueBlocks + halfLives * blockCount, MAX_BLOCKS_AT_ONCE)
      for (; dueBlocks >= 1; dueBlocks--) {
        const end = (cursor + 1) * BLOCK_WORDS
        for (let word = cursor * BLOCK_WORDS; word < end; word++)
          words[word] = ((words[word] ?? 0) >>> 1) & HALF_MASK
        cursor = (cursor + 1) & (blockCount - 1)
      }
    },
  }
}

/** 32 well mixed bits of an id: FNV-1a over its code units, then spread. */
export function hashOf(id: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  return mix(hash)
}

/** Lets every bit change every other (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
