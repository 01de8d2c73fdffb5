import type { MediaFacts } from '../contracts/media.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { ByteWindow } from './byte-window.ts'
import type { InspectLimits } from './limits.ts'

/** One body to look at. */
export interface Inspection {
  readonly window: ByteWindow
  readonly contentType: string
  readonly limits: InspectLimits
}

/** Looks at one kind of body. @throws MediaError MEDIA_INVALID or MEDIA_TYPE_REFUSED */
export type Look = (inspection: Inspection) => Promise<MediaFacts>

/** What is known of these; a length of no time, or of more than can be counted, is not known. */
export function factsOf(known: {
  readonly width?: number | undefined
  readonly height?: number | undefined
  readonly orientation?: number | undefined
  readonly durationMs?: number | undefined
  readonly captureTime?: string | undefined
}): MediaFacts {
  const isNumber = (value: number | undefined): value is number =>
    Number.isSafeInteger(value) && Number(value) > 0
  const { width, height, orientation, captureTime } = known
  const durationMs = known.durationMs === undefined ? undefined : Math.round(known.durationMs)
  return {
    ...(isNumber(width) && isNumber(height) ? { width, height } : {}),
    ...(orientation === undefined || orientation === 1 ? {} : { orientation }),
    ...(isNumber(durationMs) ? { durationMs } : {}),
    ...(captureTime === undefined ? {} : { captureTime }),
  }
}

/**
 * What is learned beyond the checks; `undefined` when it would take more reads or turns than a look has. For the end of a look:
 * a body that passed its checks is not refused for what it has to tell.
 */
export async function orNothing<Learned>(learned: Promise<Learned>): Promise<Learned | undefined> {
  try {
    return await learned
  } catch (error) {
    if (isMediaError(error, 'MEDIA_INVALID')) return undefined
    throw error
  }
}

/** Nothing is learned of what nobody looks at. */
export const NO_FACTS: MediaFacts = {}
