import type { MoveCause } from '../contracts/catalog.ts'
import type { WithdrawOptions } from '../contracts/tiering.ts'
import { MediaError } from '../errors/media-error.ts'
import { CALL_OPTIONS, type OptionNames, refuseUnknown } from '../options/unknown-option.ts'
import { pagesOf } from '../pages.ts'
import type { TierContext } from './context.ts'

const PAGE = 200

const OPTIONS: OptionNames<WithdrawOptions> = { to: true, cause: true, ...CALL_OPTIONS }

const CAUSES: Readonly<Record<MoveCause, true>> = { burst: true, promote: true, demote: true, heal: true }

/** Planned moves are taken back. One that is claimed is not stopped in its copy: whoever makes it finds that it is his no more. */
export async function withdrawMoves(
  { catalog }: Pick<TierContext, 'catalog'>,
  options: WithdrawOptions,
): Promise<{ readonly withdrawn: number }> {
  refuseUnknown('withdraw', options, OPTIONS)
  const { to, cause, signal } = options
  if (cause !== undefined && !Object.hasOwn(CAUSES, cause))
    throw refuse(
      `a move is caused by one of ${Object.keys(CAUSES).join(', ')}, not by ${cause}`,
      'unknown-cause',
    )
  const volumes = (await catalog.listVolumes()).filter(({ tier }) => to === undefined || tier === to)
  if (volumes.length === 0) throw refuse(`no volume was ever of a tier ${to}`, 'unknown-tier')
  const targets = new Set(volumes.map(({ id }) => id))
  let withdrawn = 0
  const pages = pagesOf((from) => {
    signal?.throwIfAborted()
    return catalog.listMoves({ limit: PAGE, ...from })
  })
  for await (const { moves } of pages) {
    const ids = moves
      .filter((move) => targets.has(move.toVolumeId) && (cause === undefined || move.cause === cause))
      .map(({ id }) => id)
    if (ids.length > 0) withdrawn += (await catalog.withdrawMoves(ids)).length
  }
  return { withdrawn }
}

function refuse(what: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', what, { reason })
}
