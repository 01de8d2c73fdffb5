import { type DamagedCopy, MiB, type RepairProgress, type VerifyProgress } from '@mediakeep/core'
import { DONE, type ExitCode, FOUND_DAMAGE, UsageError } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, withStore } from './context.ts'

export interface VerifyFlags {
  readonly repair?: boolean
  readonly stored?: boolean
  readonly rate?: string
  readonly cursor?: string
}

/** `verify [--repair]`: reads every copy; exit code 3 when one is damaged, or a volume could not be looked at. */
export async function verifyCommand(context: CommandContext, flags: VerifyFlags): Promise<ExitCode> {
  const { output, progress, signal } = context
  const bytesPerSecond = flags.rate === undefined ? undefined : parseRate(flags.rate)
  return withStore(context, async (store) => {
    let last: VerifyProgress | undefined
    let bar: ReturnType<typeof progress.start> | undefined
    try {
      for await (const step of store.upkeep.verify({
        signal,
        mode: flags.stored === true ? 'stored' : 'content',
        repair: flags.repair === true,
        ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
        ...(flags.cursor === undefined ? {} : { cursor: flags.cursor }),
      })) {
        last = step
        bar ??= progress.start('verify', step.totalBytes)
        bar.update(step.checkedBytes)
        for (const copy of step.damaged) await output.fault({ damaged: copy }, tellDamage(copy))
      }
      bar?.end()
      if (flags.repair === true) {
        await tellRepair(context, store.upkeep.repair({ signal }))
        // What was made is in no journal yet, and this process ends.
        for await (const _ of store.upkeep.compactJournals({ signal })) continue
      }
    } catch (error) {
      if (last !== undefined) {
        const { cursor } = last
        if (output.json) await output.item({ cursor }, '')
        else output.complain(`mediakeep: goes on with --cursor ${cursor}`)
      }
      throw error
    } finally {
      progress.stop()
    }
    if (last === undefined) return DONE
    const { checkedObjects, checkedBytes, damagedObjects, repairedObjects, offlineVolumes } = last
    await output.item(
      { checkedObjects, checkedBytes, damagedObjects, repairedObjects, offlineVolumes },
      `${checkedObjects} copies, ${formatBytes(checkedBytes)}: ${damagedObjects} damaged, ${repairedObjects} repaired${offlineVolumes.map((id) => `\nvolume ${id} is offline: nothing is known of what it holds`).join('')}`,
    )
    return damagedObjects === 0 && offlineVolumes.length === 0 ? DONE : FOUND_DAMAGE
  })
}

function tellDamage({ key, fault, repaired }: DamagedCopy): string {
  const what = {
    absent: 'is gone',
    size: 'has another size',
    content: 'has other bytes',
    unreadable: 'cannot be read',
  }[fault]
  return `DAMAGED ${key} ${what}; ${repaired ? 'a good copy was made' : 'there is no new copy'}`
}

async function tellRepair(
  { output }: CommandContext,
  repairing: AsyncIterable<RepairProgress>,
): Promise<void> {
  let made = { copies: 0, bytes: 0, thin: 0 }
  for await (const { madeCopies, madeBytes, thin, lost } of repairing) {
    made = { copies: madeCopies, bytes: madeBytes, thin }
    for (const { blobId, digest } of lost)
      await output.fault(
        { lost: { blobId, digest } },
        `LOST    ${digest ?? blobId}: no good copy is within reach`,
      )
  }
  if (made.copies + made.thin > 0)
    await output.item(
      { madeCopies: made.copies, madeBytes: made.bytes, thin: made.thin },
      `${made.copies} copies made, ${formatBytes(made.bytes)}; ${made.thin} blobs have fewer copies than they should`,
    )
}

/** MiB a second. */
function parseRate(text: string): number {
  const rate = Number(text)
  if (Number.isFinite(rate) && rate > 0) return rate * MiB
  throw new UsageError(`--rate takes MiB a second, above 0, not "${text}"`)
}
