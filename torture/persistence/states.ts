import type { Disk, Remains } from '../fault-fs/disk.ts'
import type { Change, PendingWrite } from '../fault-fs/nodes.ts'
import { afterFate, type WriteFate } from '../fault-fs/remains.ts'
import { diskAfter, type RecordedCall, replay } from './trace.ts'

/** What a program did, and what was on the disk before. */
export interface Trace {
  readonly directories: readonly string[]
  readonly before: readonly RecordedCall[]
  readonly calls: readonly RecordedCall[]
}

/** A disk as a power cut may have left it. */
export interface CutState {
  readonly disk: Disk
  /** The cut came after the last call: the program had acknowledged. */
  readonly acknowledged: boolean
  /** Calls that were made before it. */
  readonly calls: number
  /** In words, for a report. */
  readonly cut: string
}

/** What may become of a write that no sync covered. Of a torn one the first sector is there, or all but the first. */
const FATES: readonly { readonly name: string; readonly fate: WriteFate; keeps(unit: number): boolean }[] = [
  { name: 'kept', fate: 'kept', keeps: () => true },
  { name: 'lost', fate: 'lost', keeps: () => false },
  { name: 'a hole', fate: 'holed', keeps: () => false },
  { name: 'torn behind its first sector', fate: { tornAtBytes: 512 }, keeps: (unit) => unit === 0 },
  { name: 'torn before its second sector', fate: { tornAtBytes: 512 }, keeps: (unit) => unit > 0 },
]

interface Choice {
  readonly names: ReadonlySet<number>
  readonly fates: readonly number[]
  readonly attributes: boolean
}

/** Every cut of the trace, with every choice of what reached the medium: all there is to be seen, nothing by chance. */
export function* cutStates(trace: Trace, order: Disk['order']): Generator<CutState> {
  for (let at = 0; at <= trace.calls.length; at++) {
    const calls = trace.calls.slice(0, at)
    const disk = (): Disk => {
      const made = diskAfter(trace.directories, trace.before, order)
      replay(calls, made)
      return made
    }
    for (const choice of choicesOf(pendingOn(disk()), order)) {
      const left = disk()
      left.cutPower(remainsOf(choice))
      const acknowledged = at === trace.calls.length
      yield { disk: left, acknowledged, calls: at, cut: describe(trace, at, choice) }
    }
  }
}

interface Unsynced {
  readonly names: readonly Change[]
  readonly writes: number
}

function pendingOn(disk: Disk): Unsynced {
  let names: readonly Change[] = []
  let writes = 0
  disk.cutPower({
    names(pending) {
      names = pending
      return new Set()
    },
    bytes(durable, unsynced) {
      writes += unsynced.length
      return durable
    },
    attributes: () => false,
  })
  return { names, writes }
}

function* choicesOf({ names, writes }: Unsynced, order: Disk['order']): Generator<Choice> {
  for (const kept of order === 'ordered' ? prefixes(names.length) : subsets(names))
    for (let mixed = 0; mixed < FATES.length ** writes; mixed++)
      for (const attributes of [false, true]) {
        const fates = Array.from(
          { length: writes },
          (_, index) => Math.floor(mixed / FATES.length ** index) % FATES.length,
        )
        yield { names: kept, fates, attributes }
      }
}

function* prefixes(count: number): Generator<ReadonlySet<number>> {
  for (let length = 0; length <= count; length++) yield new Set(Array.from({ length }, (_, index) => index))
}

/** Without those in which a rename took a name away and gave none. */
function* subsets(names: readonly Change[]): Generator<ReadonlySet<number>> {
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    const kept = new Set([...names.keys()].filter((index) => ((bits >> index) & 1) === 1))
    const isWhole = [...kept].every((index) => {
      const after = names[index]?.after
      return after === undefined || !names.includes(after) || kept.has(names.indexOf(after))
    })
    if (isWhole) yield kept
  }
}

function remainsOf({ names, fates, attributes }: Choice): Remains {
  let write = 0
  const fateOf = (bytes: Uint8Array, unsynced: PendingWrite): Uint8Array => {
    const chosen = FATES[fates[write++] ?? 0]
    return chosen === undefined ? bytes : afterFate(bytes, unsynced, chosen.fate, chosen.keeps)
  }
  return {
    names: (pending) => new Set(pending.filter((_, index) => names.has(index))),
    bytes: (durable, writes) => writes.reduce(fateOf, durable),
    attributes: () => attributes,
  }
}

function describe({ calls }: Trace, at: number, { names, fates }: Choice): string {
  const last = calls[at - 1]
  const where =
    last === undefined
      ? 'before the first call'
      : `after call ${at}, ${last.name} ${String(last.args.find((value) => typeof value === 'string') ?? '')}`
  return `cut ${where}; names kept: ${[...names].join(' ') || 'none'}; writes: ${fates.map((fate) => FATES[fate]?.name).join(', ') || 'all synced'}`
}
