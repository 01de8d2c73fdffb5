import type {
  CostReport,
  MoveCause,
  PlacementExplanation,
  PlannedMove,
  TierPlan,
  TierProgress,
  TierStatus,
  UsageRow,
} from '@mediakeep/core'
import { DONE, type ExitCode, FAILED, UsageError } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { formatDollars, formatTable } from '../terminal/table.ts'
import { type CommandContext, parseReference, withStore } from './context.ts'

/** `tier plan`: what `apply` would do, with its price. Changes nothing. */
export async function planCommand(context: CommandContext): Promise<ExitCode> {
  return withStore(context, async (store) => {
    const plan = await store.tiers.plan({ signal: context.signal })
    await context.output.item(plan, tellPlan(plan))
    return DONE
  })
}

/** `tier apply`: plans and moves until nothing is due; exit code 1 when there was something and nothing could be moved. */
export async function applyCommand(context: CommandContext): Promise<ExitCode> {
  const { output, progress, signal } = context
  return withStore(context, async (store) => {
    const { bytes } = await store.tiers.plan({ signal })
    const bar = progress.start('tier apply', bytes)
    let last: TierProgress | undefined
    try {
      for await (const step of store.tiers.apply({ signal })) {
        last = step
        bar.update(Math.min(bytes, step.copiedBytes + step.evictedBytes))
      }
      // Nothing else runs in the background of a command, and what was moved is in no journal yet.
      for await (const _ of store.upkeep.compactJournals({ signal })) continue
    } finally {
      bar.end()
      progress.stop()
    }
    const done = last ?? { copied: 0, copiedBytes: 0, evicted: 0, evictedBytes: 0, waiting: 0 }
    await output.item(done, tellDone(done))
    return done.waiting > 0 && done.copied + done.evicted === 0 ? FAILED : DONE
  })
}

/** `tier explain REF`: why a media is where it is. */
export async function explainCommand(context: CommandContext, reference: string): Promise<ExitCode> {
  const ref = parseReference(reference)
  return withStore(context, async (store) => {
    const explanation = await store.tiers.explain(ref, { signal: context.signal })
    await context.output.item(explanation, tellExplanation(explanation))
    return DONE
  })
}

export interface WithdrawFlags {
  readonly to?: string
  readonly cause?: string
}

/** `tier withdraw [--to TIER] [--cause CAUSE]`: takes planned moves back. */
export async function withdrawCommand(context: CommandContext, flags: WithdrawFlags): Promise<ExitCode> {
  const cause = causeOf(flags.cause)
  return withStore(context, async (store) => {
    const done = await store.tiers.withdraw({
      signal: context.signal,
      ...(flags.to === undefined ? {} : { to: flags.to }),
      ...(cause === undefined ? {} : { cause }),
    })
    await context.output.item(done, `${done.withdrawn} planned moves were withdrawn`)
    return DONE
  })
}

const CAUSES: readonly MoveCause[] = ['burst', 'promote', 'demote', 'heal']

function causeOf(word: string | undefined): MoveCause | undefined {
  const cause = CAUSES.find((one) => one === word)
  if (word !== undefined && cause === undefined)
    throw new UsageError(`--cause takes one of ${CAUSES.join(', ')}, not "${word}"`)
  return cause
}

export interface CostFlags {
  readonly from?: string
  readonly to?: string
}

/** `tier costs [--from DAY] [--to DAY]`: the ledger with its prices. */
export async function costsCommand(context: CommandContext, flags: CostFlags): Promise<ExitCode> {
  const from = dayOf('--from', flags.from)
  const to = dayOf('--to', flags.to)
  if (from !== undefined && to !== undefined && from > to)
    throw new UsageError('--from is a later day than --to')
  return withStore(context, async (store) => {
    const report = await store.tiers.costs({
      signal: context.signal,
      ...(from === undefined ? {} : { fromDay: from }),
      ...(to === undefined ? {} : { toDay: to }),
    })
    await context.output.item(report, tellCosts(report))
    return DONE
  })
}

/** What `usage --by tier` adds to a row: each volume with its room, and why writes go past it. */
export function tellTier({ role, volumes }: TierStatus): string {
  return volumes
    .map(({ online, reason, storedBytes, objects, reservedBytes, capacityBytes, burst }) => {
      const room = capacityBytes === undefined ? '' : ` of ${formatBytes(capacityBytes)}`
      const reserved = reservedBytes === 0 ? '' : `, ${formatBytes(reservedBytes)} reserved`
      const away = online ? '' : `, OFFLINE${reason === undefined ? '' : ` (${reason})`}`
      const past = burst === undefined ? '' : `, writes go past it: ${burst}`
      return `  ${role}: ${objects} objects, ${formatBytes(storedBytes)}${room}${reserved}${away}${past}`
    })
    .join('\n')
}

/** Tiers without a row hold nothing: they are told, too. */
export function withEmptyTiers(rows: readonly UsageRow[], tiers: readonly TierStatus[]): readonly UsageRow[] {
  const known = new Set(rows.map(({ name }) => name))
  const empty = tiers.filter(({ name }) => !known.has(name))
  return [...rows, ...empty.map(({ name }) => ({ name, media: 0, logicalBytes: 0, storedBytes: 0 }))]
}

function tellPlan({ moves, objects, bytes, costDollars, monthlyDollars }: TierPlan): string {
  if (objects === 0) return 'nothing is to be moved'
  const groups = new Map<string, { move: PlannedMove; objects: number; bytes: number; dollars: number }>()
  for (const move of moves) {
    const name = `${move.cause} ${move.from} ${move.to ?? ''}`
    const group = groups.get(name) ?? { move, objects: 0, bytes: 0, dollars: 0 }
    group.objects += 1
    group.bytes += move.sizeBytes
    group.dollars += move.costDollars
    groups.set(name, group)
  }
  const rows = [...groups.values()].map(({ move, ...sums }) => [
    move.cause,
    move.from,
    move.to ?? 'dropped',
    String(sums.objects),
    formatBytes(sums.bytes),
    formatDollars(sums.dollars),
  ])
  const table = formatTable(
    [
      { head: 'CAUSE' },
      { head: 'FROM' },
      { head: 'TO' },
      { head: 'OBJECTS', right: true },
      { head: 'BYTES', right: true },
      { head: 'COST', right: true },
    ],
    rows,
  )
  const part = moves.length < objects ? `(the first ${moves.length} of ${objects})\n` : ''
  const monthly = `${formatDollars(Math.abs(monthlyDollars))} a month ${monthlyDollars < 0 ? 'less' : 'more'}`
  return `${table}\n${part}${objects} objects, ${formatBytes(bytes)}; moving costs ${formatDollars(costDollars)}, keeping costs ${monthly} then`
}

function tellDone({ copied, copiedBytes, evicted, evictedBytes, waiting }: TierProgress): string {
  const left = waiting === 0 ? '' : `; ${waiting} could not be moved now and are tried again later`
  return `${copied} copied, ${formatBytes(copiedBytes)}; ${evicted} dropped, ${formatBytes(evictedBytes)}${left}`
}

function tellExplanation({ rule, tiers, copies, refused, moves }: PlacementExplanation): string {
  return [
    rule === undefined ? 'no rule matches: the order of the tiers counts' : `rule "${rule}"`,
    `belongs on ${tiers.join(', then ') || 'no tier'}`,
    ...copies.map(
      ({ tier, volumeId, isReachable, storedBytes, owned }) =>
        `copy on ${tier}, ${formatBytes(storedBytes)}${isReachable ? '' : ' (on another host)'}${owned ? '' : ' (not ours)'} [volume ${volumeId}]`,
    ),
    ...(copies.length === 0 ? ['there is no copy'] : []),
    ...refused.map(({ tier, reason }) => `${tier} would not take it now: ${reason}`),
    ...moves.map(
      ({ to, cause, attempts }) =>
        `to be copied to ${to}: ${cause}${attempts === 0 ? '' : `, tried ${attempts} times`}`,
    ),
  ].join('\n')
}

function tellCosts({ rows, spentDollars, avoidedDollars, allPaidDollars, budget }: CostReport): string {
  const table =
    rows.length === 0
      ? ['nothing was asked of a store that costs']
      : [
          formatTable(
            [
              { head: 'DAY' },
              { head: 'TIER' },
              { head: 'CLASS' },
              { head: 'CAUSE' },
              { head: 'CALLS', right: true },
              { head: 'BYTES', right: true },
              { head: 'COST', right: true },
            ],
            rows.map((row) => [
              row.day,
              row.tier,
              row.class,
              row.cause,
              row.calls.toLocaleString('en-US'),
              formatBytes(row.bytes),
              formatDollars(row.dollars),
            ]),
          ),
        ]
  return [
    ...table,
    `spent ${formatDollars(spentDollars)}, avoided ${formatDollars(avoidedDollars)}; with every byte in the dearest tier ${formatDollars(allPaidDollars)}`,
    ...(budget === undefined
      ? []
      : [
          `budget: ${formatDollars(budget.takenTodayDollars)} of ${formatDollars(budget.dailyDollars)} taken today`,
        ]),
  ].join('\n')
}

function dayOf(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // The 30th of February would be taken for the 2nd of March.
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)) return text
  throw new UsageError(`${flag} takes a day as 2026-01-31, not "${text}"`)
}
