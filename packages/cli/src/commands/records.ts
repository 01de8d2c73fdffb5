import type { ListAllQuery } from '@mediakeep/core'
import { MediaError } from '@mediakeep/core'
import { DONE, type ExitCode, FAILED, FOUND_DAMAGE, UsageError } from '../exit-codes.ts'
import { formatBytes } from '../terminal/output.ts'
import { type CommandContext, parseReference, withStore } from './context.ts'
import { describe } from './put.ts'
import { tellTier, withEmptyTiers } from './tier.ts'

/** `stat REF`. */
export async function statCommand(context: CommandContext, reference: string): Promise<ExitCode> {
  const ref = parseReference(reference)
  return withStore(context, async (store) => {
    const media = await store.stat(ref)
    if (media === undefined) throw new MediaError('MEDIA_ABSENT', `there is no media ${reference}`)
    const availability = await store.availability(ref)
    const lines = Object.entries({ ...media, availability: availability.state }).map(
      ([name, value]) =>
        `${name.padEnd(14)} ${value instanceof Date ? value.toISOString() : typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
    )
    await context.output.item({ ...media, availability: availability.state }, lines.join('\n'))
    return DONE
  })
}

export interface ListFlags {
  readonly owner?: string
  readonly type?: string
  readonly tag?: string
  readonly search?: string
  readonly limit?: string
}

/** `ls`: newest first, one line each. */
export async function listCommand(context: CommandContext, flags: ListFlags): Promise<ExitCode> {
  const limit = flags.limit === undefined ? Number.POSITIVE_INFINITY : Number(flags.limit)
  if (!(limit >= 1) || (Number.isFinite(limit) && !Number.isInteger(limit)))
    throw new UsageError(`--limit ${flags.limit}: give a whole number of at least 1`)
  const query: ListAllQuery = {
    signal: context.signal,
    ...(flags.owner === undefined ? {} : { owner: flags.owner }),
    ...(flags.type === undefined ? {} : { type: flags.type }),
    ...(flags.tag === undefined ? {} : { tag: flags.tag }),
    ...(flags.search === undefined ? {} : { q: flags.search }),
  }
  return withStore(context, async (store) => {
    let listed = 0
    for await (const media of store.listAll(query)) {
      await context.output.item(media, describe(media))
      if (++listed >= limit || context.output.isUnread) break
    }
    return DONE
  })
}

/** `rm REF...`: tries each; exit 1 when one was not there. */
export async function removeCommand(
  context: CommandContext,
  references: readonly string[],
): Promise<ExitCode> {
  const refs = references.map(parseReference)
  return withStore(context, async (store) => {
    let missing = 0
    for (const [index, ref] of refs.entries()) {
      const deleted = await store.delete(ref)
      if (!deleted) missing++
      await context.output[deleted ? 'item' : 'fault'](
        { ref: references[index], deleted },
        `${deleted ? 'deleted' : 'not there'}  ${references[index]}`,
      )
    }
    return missing === 0 ? DONE : FAILED
  })
}

export interface SignFlags {
  readonly expiresIn?: string
  readonly download?: boolean
  readonly direct?: boolean
}

/** Longest life of a signed address: a week. */
const MAX_EXPIRES_SECONDS = 7 * 24 * 3600

/** `sign REF`: an address that works for whoever has it, until it expires. */
export async function signCommand(
  context: CommandContext,
  reference: string,
  flags: SignFlags,
): Promise<ExitCode> {
  const ref = parseReference(reference)
  const { expiresIn = flags.direct === true ? '900' : '3600' } = flags
  const seconds = Number(expiresIn)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_EXPIRES_SECONDS) {
    throw new UsageError(`--expires-in ${expiresIn}: give whole seconds from 1 to ${MAX_EXPIRES_SECONDS}`)
  }
  return withStore(context, async (store) => {
    const expiresAt = new Date(Date.now() + seconds * 1000)
    const url = await store.url(ref, {
      expiresAt,
      ...(flags.download === true ? { download: true } : {}),
      ...(flags.direct === true ? { direct: true } : {}),
    })
    await context.output.item({ url: url.href, expiresAt }, url.href)
    return DONE
  })
}

/** `usage --by owner|type|tier|bucket`: a tier is one folder or one bucket, whichever name it is asked for by. */
export async function usageCommand(context: CommandContext, what: string): Promise<ExitCode> {
  const by = what === 'bucket' ? 'tier' : what
  if (by !== 'owner' && by !== 'type' && by !== 'tier')
    throw new UsageError(`--by ${by}: give owner, type, tier or bucket`)
  return withStore(context, async (store) => {
    const tiers = by === 'tier' ? await store.tiers.status() : []
    const rows = [...withEmptyTiers(await store.usage(by), tiers)].sort(
      (a, b) => b.storedBytes - a.storedBytes,
    )
    for (const row of rows) {
      const tier = tiers.find(({ name }) => name === row.name)
      const line = `${row.name.padEnd(24)} ${String(row.media).padStart(8)} media ${formatBytes(row.logicalBytes).padStart(11)} seen ${formatBytes(row.storedBytes).padStart(11)} stored`
      await context.output.item(
        { ...row, ...(tier === undefined ? {} : { role: tier.role, volumes: tier.volumes }) },
        tier === undefined ? line : `${line}\n${tellTier(tier)}`,
      )
    }
    if (rows.length === 0) context.output.note('nothing is stored')
    return DONE
  })
}

/** `health`: what `GET /readyz` would say. */
export async function healthCommand(context: CommandContext): Promise<ExitCode> {
  return withStore(context, async (store) => {
    const report = await store.health()
    const lines = Object.entries(report.checks).map(
      ([name, { status, latencyMs, detail }]) =>
        `${status.padEnd(9)} ${name} (${latencyMs} ms)${detail === undefined ? '' : `: ${detail}`}`,
    )
    await context.output.item(report, [...lines, report.status].join('\n'))
    return report.status === 'ok' ? DONE : FOUND_DAMAGE
  })
}
