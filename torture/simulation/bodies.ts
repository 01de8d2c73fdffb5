import type { Random } from '@mediakeep/testkit'

/** A body that puts of one run give: several puts give the same. */
export interface SampleBody {
  readonly bytes: Uint8Array
  /** Given in pieces, and long enough to be staged. */
  readonly streamed: boolean
}

/** Streams are staged from 4,100 bytes on, where the type is told. */
const STREAMED_BYTES = 4_200

/** Text, because its type is told quickly; each is long enough to be torn. */
export function createBodies(random: Random, count: number): readonly SampleBody[] {
  return Array.from({ length: count }, (_, index) => {
    const streamed = index % 3 === 2
    const sizeBytes = streamed ? STREAMED_BYTES + random.integer(0, 1_500) : random.integer(1, 1_400)
    return { bytes: Buffer.from(`${index}:`.repeat(sizeBytes / 2 + 1)).subarray(0, sizeBytes + 2), streamed }
  })
}
