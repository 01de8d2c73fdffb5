import type { Breakage } from '../world.ts'
import { renamingFirst, type SyncPurpose, withoutSync } from './calls.ts'
import { claimingBlindly } from './catalog.ts'
import { forgettingLines } from './journal.ts'
import { markAndSweep } from './mark-sweep.ts'
import { publishingLate } from './store.ts'

const PURPOSES: readonly SyncPurpose[] = [
  'object file',
  'shard after publish',
  'shard after delete',
  'shards of a new volume',
  'marker file',
  'root after marker',
  'name of the root',
]

/** The product with one thing wrong: each must be found, or the simulation sees nothing. */
export const breakages: readonly Breakage[] = [
  { name: 'durability file, judged as durable', durability: 'file' },
  { name: 'durability none, judged as durable', durability: 'none' },
  { name: 'bytes published after the record', store: publishingLate },
  { name: 'renamed before the sync', calls: renamingFirst },
  ...PURPOSES.map(
    (purpose): Breakage => ({ name: `no sync: ${purpose}`, calls: (fs) => withoutSync(fs, purpose) }),
  ),
  { name: 'claims garbage without looking again', catalog: claimingBlindly },
  { name: 'no lines in the journal', store: forgettingLines },
  { name: 'marks and sweeps without grace', collect: markAndSweep },
]
