import type { Random } from '@mediakeep/testkit'
import type { Disk, Remains } from './disk.ts'
import { type Change, type PendingWrite, written } from './nodes.ts'

/** Fate of one write at a power cut. `holed`: the length reached the medium and the bytes did not. */
export type WriteFate = 'kept' | 'lost' | 'holed' | { readonly tornAtBytes: number }

export function afterFate(
  bytes: Uint8Array,
  write: PendingWrite,
  fate: WriteFate,
  keeps: (unit: number) => boolean,
): Uint8Array {
  if (fate === 'lost') return bytes
  if (fate === 'kept') return written(bytes, write)
  const { position, bytes: more, cuts } = write
  if (cuts) return bytes
  const grown = written(bytes, { position: position + more.byteLength, bytes: new Uint8Array(0) })
  if (fate === 'holed') return grown
  for (let at = 0, unit = 0; at < more.byteLength; at += fate.tornAtBytes, unit++)
    if (keeps(unit)) grown.set(more.subarray(at, at + fate.tornAtBytes), position + at)
  return grown
}

/**
 * A legal choice by chance. On a `weak` disk any of the names that were made, on an `ordered` one those up to a point;
 * each write kept, lost, or torn at sectors or pages. How much is kept is drawn first: little, half or nearly all.
 */
export function randomRemains(random: Random, order: Disk['order']): Remains {
  const keep = [0, 0.1, 0.5, 0.9, 1][random.integer(0, 5)] ?? 0
  const fates: readonly WriteFate[] = ['lost', 'holed', { tornAtBytes: 512 }, { tornAtBytes: 4096 }]
  return {
    names(pending) {
      if (order === 'ordered') return new Set(pending.slice(0, random.integer(0, pending.length + 1)))
      return withHalves(pending.filter(() => random.next() < keep))
    },
    bytes(durable, writes) {
      return writes.reduce((bytes, write) => {
        const fate = random.next() < keep ? 'kept' : (fates[random.integer(0, fates.length)] ?? 'lost')
        return afterFate(bytes, write, fate, () => random.next() < 0.5)
      }, durable)
    },
    attributes: () => random.next() < keep,
  }
}

/** Nothing that was not synced: the least that a power cut may leave. */
export const leastRemains: Remains = {
  names: () => new Set(),
  bytes: (durable) => durable,
  attributes: () => false,
}

function withHalves(kept: readonly Change[]): ReadonlySet<Change> {
  const all = new Set(kept)
  for (const { after } of kept) if (after !== undefined) all.add(after)
  return all
}
