import { resolve } from 'node:path'
import type { LostMedia, MediaStore, RebuildProgress } from '@mediakeep/core'
import { putSqliteAside } from '../catalog-of-folder.ts'
import { DONE, type ExitCode, FOUND_DAMAGE } from '../exit-codes.ts'
import { type CommandContext, withStore } from './context.ts'

export interface RebuildFlags {
  readonly adoptUnknown?: boolean
}

/**
 * `rebuild [--adopt-unknown]`: fills the catalog from the volumes; exit code 3 when something could not be put back.
 * With `databaseUrl` it brings a folder over whose records are in SQLite so far, and puts that file aside.
 */
export async function rebuildCommand(context: CommandContext, flags: RebuildFlags): Promise<ExitCode> {
  const { config, output, streams } = context
  const code = await withStore(context, (store) => rebuild(context, flags, store), { bringsOver: true })
  if (config.databaseUrl === undefined) return code
  const aside = await putSqliteAside(resolve(streams.cwd, config.data))
  if (aside !== undefined) await output.item({ aside }, `the records in SQLite are kept as ${aside}`)
  return code
}

async function rebuild(
  { output, progress, signal }: CommandContext,
  flags: RebuildFlags,
  store: MediaStore,
): Promise<ExitCode> {
  let last: RebuildProgress | undefined
  const bar = progress.startCount('rebuild')
  try {
    for await (const step of store.upkeep.rebuildCatalog({
      signal,
      adoptUnknown: flags.adoptUnknown === true,
    })) {
      last = step
      bar.update(step.restored + step.alreadyThere + step.adoptedObjects)
      for (const media of step.lost) await output.fault({ lost: media }, tellLost(media))
    }
    // Nothing else runs in the background of a command, and what was adopted is in no journal yet.
    for await (const _ of store.upkeep.compactJournals({ signal })) continue
  } finally {
    bar.end()
    progress.stop()
  }
  if (last === undefined) return DONE
  const { lost: _lost, ...counts } = last
  await output.item(counts, tell(counts))
  const { lostMedia, unreachableMedia, damagedLines, offlineVolumes } = counts
  return lostMedia + unreachableMedia + damagedLines + offlineVolumes.length === 0 ? DONE : FOUND_DAMAGE
}

function tellLost({ id, key, filename }: LostMedia): string {
  return `LOST    ${id}  ${key ?? filename}: no volume has its bytes`
}

function tell(counts: Omit<RebuildProgress, 'lost'>): string {
  const { restored, alreadyThere, lostMedia, unreachableMedia, unknownObjects, adoptedObjects } = counts
  const lines = [`${restored} media put back, ${alreadyThere} were there, ${lostMedia} lost`]
  if (unreachableMedia > 0)
    lines.push(`${unreachableMedia} media are on volumes that are away: run it again with them`)
  if (unknownObjects > 0)
    lines.push(
      `${unknownObjects} objects that no journal names: ${adoptedObjects} became media${adoptedObjects === 0 ? '; --adopt-unknown makes media of them' : ''}`,
    )
  if (counts.damagedLines > 0) lines.push(`${counts.damagedLines} damaged lines in the journals`)
  for (const id of counts.offlineVolumes) lines.push(`volume ${id} is offline`)
  return lines.join('\n')
}
