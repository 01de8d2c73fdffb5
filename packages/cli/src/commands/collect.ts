import type { GarbagePlan, GarbageProgress } from '@mediakeep/core'
import { DONE, type ExitCode, UsageError } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, withStore } from './context.ts'

export interface CollectFlags {
  readonly dryRun?: boolean
  readonly force?: boolean
  readonly grace?: string
}

/** `gc [--dry-run]`: frees bytes that nothing refers to. Looks at every blob and lists the volumes. */
export async function collectCommand(context: CommandContext, flags: CollectFlags): Promise<ExitCode> {
  const { output, signal } = context
  const graceMs = flags.grace === undefined ? undefined : parseSeconds(flags.grace) * 1000
  return withStore(context, async (store) => {
    if (flags.dryRun !== true) for await (const _ of store.upkeep.expire({ signal })) continue
    let last: GarbageProgress | undefined
    for await (const step of store.upkeep.collectGarbage({
      signal,
      thorough: true,
      dryRun: flags.dryRun === true,
      force: flags.force === true,
      ...(graceMs === undefined ? {} : { graceMs }),
    }))
      last = step
    // Commands have no background in which journals would be compacted.
    if (flags.dryRun !== true) for await (const _ of store.upkeep.compactJournals({ signal })) continue
    if (last === undefined) return DONE
    const { plan, ...done } = last
    await output.item(
      plan === undefined
        ? done
        : { orphans: done.orphans, foreign: done.foreign, recoverable: done.recoverable, plan },
      plan === undefined ? tellDone(done) : tellPlan(done, plan),
    )
    return DONE
  })
}

function tellDone({
  condemned,
  freedObjects,
  freedBytes,
  orphans,
  endedUploads,
  ...left
}: GarbageProgress): string {
  const ended = endedUploads === 0 ? '' : `; ${endedUploads} uploads that nobody finished ended`
  return `${freedObjects} objects freed, ${formatBytes(freedBytes)}; ${condemned} blobs condemned, ${orphans} objects without a row leave${ended}${tellLeft(left)}`
}

function tellPlan({ orphans, ...left }: GarbageProgress, plan: GarbagePlan): string {
  return [
    `would condemn ${plan.condemnable} blobs that nothing refers to`,
    `would free now ${plan.freeableObjects} objects, ${formatBytes(plan.freeableBytes)}`,
    `waiting for their grace, or past it: ${plan.waitingObjects} of ${plan.objects} objects, ${formatBytes(plan.waitingBytes)}`,
    `objects without a row that would leave: ${orphans}${tellLeft(left)}`,
  ].join('\n')
}

function tellLeft({ foreign, recoverable }: Pick<GarbageProgress, 'foreign' | 'recoverable'>): string {
  const lines = [
    foreign === 0 ? '' : `${foreign} objects on the volumes are none of ours: left alone`,
    recoverable === 0
      ? ''
      : `${recoverable} objects belong to records that the catalog has lost: left alone, \`mediakeep rebuild\` brings them back`,
  ]
  return lines.map((line) => (line === '' ? '' : `\n${line}`)).join('')
}

/** Digits alone: `Number` reads an empty text as 0, and no grace is what frees everything at once. */
function parseSeconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new UsageError(`--grace takes seconds, not "${text}"`)
}
