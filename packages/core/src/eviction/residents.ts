/** What is resident: a small integer, the slot, for each id, so that all else is kept in typed arrays. */
export interface Residents {
  slotOf(id: string): number | undefined
  idOf(slot: number): string
  sizeOf(slot: number): number
  hashAt(slot: number): number
  add(id: string, hash: number, sizeBytes: number): number
  remove(slot: number): void
  readonly bytes: number
  readonly count: number
}

const FIRST_SLOTS = 64

/** @param onGrow told of how many slots there are, before the first of the new ones is used */
export function createResidents(onGrow: (slotCount: number) => void): Residents {
  const slots = new Map<string, number>()
  const ids: string[] = []
  /** Slots that were used and are free again. */
  const free: number[] = []
  let sizes = new Float64Array(0)
  let hashes = new Int32Array(0)
  let bytes = 0

  const grow = (): void => {
    const slotCount = Math.max(FIRST_SLOTS, sizes.length * 2)
    const [largerSizes, largerHashes] = [new Float64Array(slotCount), new Int32Array(slotCount)]
    largerSizes.set(sizes)
    largerHashes.set(hashes)
    sizes = largerSizes
    hashes = largerHashes
    onGrow(slotCount)
  }

  return {
    get bytes() {
      return bytes
    },
    get count() {
      return slots.size
    },
    slotOf: (id) => slots.get(id),
    idOf: (slot) => ids[slot] ?? '',
    sizeOf: (slot) => sizes[slot] ?? 0,
    hashAt: (slot) => hashes[slot] ?? 0,
    add(id, hash, sizeBytes) {
      const slot = free.pop() ?? ids.length
      if (slot >= sizes.length) grow()
      ids[slot] = id
      sizes[slot] = sizeBytes
      hashes[slot] = hash
      slots.set(id, slot)
      bytes += sizeBytes
      return slot
    },
    remove(slot) {
      const id = ids[slot] ?? ''
      slots.delete(id)
      // The text must not stay in memory for as long as the slot is free.
      ids[slot] = ''
      bytes -= sizes[slot] ?? 0
      free.push(slot)
    },
  }
}
