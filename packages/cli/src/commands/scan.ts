import { isDigest, type ScanProgress } from '@mediakeep/core'
import { DONE, type ExitCode, FAILED, FOUND_DAMAGE, UsageError } from '../exit-codes.ts'
import { type CommandContext, parseReference, withStore } from './context.ts'
import { describe } from './put.ts'

export interface ScanFlags {
  readonly stale?: boolean
  readonly all?: boolean
}

/**
 * `scan [REF...]`: has what waits looked at, or what was looked at by an older database, or all, or these. Exit 3 when something was
 * found, 1 when something could not be looked at.
 */
export async function scanCommand(
  context: CommandContext,
  references: readonly string[],
  { stale = false, all = false }: ScanFlags,
): Promise<ExitCode> {
  const refs = references.map(parseReference)
  if (Number(stale) + Number(all) + Math.min(refs.length, 1) > 1)
    throw new UsageError('give --stale, --all or references, not two of them')
  const { output, signal } = context
  return withStore(context, async (store) => {
    if (refs.length > 0) {
      let held = 0
      for (const ref of refs) {
        const media = await store.rescan(ref, { signal })
        if (media.state === 'quarantined') held++
        await output.item(media, `${media.state.padEnd(11)}  ${describe(media)}`)
      }
      return held === 0 ? DONE : FOUND_DAMAGE
    }
    let last: ScanProgress = { scanned: 0, infected: 0, unscannable: 0, failed: 0, changed: 0 }
    const which = stale ? 'stale' : all ? 'all' : 'pending'
    for await (const progress of store.upkeep.scan({ which, signal })) last = progress
    const { scanned, infected, unscannable, failed, changed } = last
    const counts = {
      scanned,
      clean: scanned - infected - unscannable,
      infected,
      unscannable,
      failed,
      changed,
    }
    await output.item(
      counts,
      `${scanned} looked at: ${counts.clean} clean, ${infected} infected, ${unscannable} unscannable; ${failed} could not be looked at; ${changed} media changed`,
    )
    if (infected + unscannable > 0) return FOUND_DAMAGE
    return failed > 0 ? FAILED : DONE
  })
}

export interface ReleaseFlags {
  readonly digest?: string
}

/** `release REF`: lets out what a scanner holds back. */
export async function releaseCommand(
  context: CommandContext,
  reference: string,
  { digest }: ReleaseFlags,
): Promise<ExitCode> {
  const ref = parseReference(reference)
  if (digest !== undefined && !isDigest(digest))
    throw new UsageError(`--digest ${digest}: give "sha256:" and 64 lower-case hexadecimal digits`)
  return withStore(context, async (store) => {
    const media = await store.release(ref, digest === undefined ? {} : { digest })
    await context.output.item(media, `released  ${describe(media)}`)
    return DONE
  })
}
