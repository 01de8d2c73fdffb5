import type { MediaFacts } from '../contracts/media.ts'
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

/** Nothing is learned of what nobody looks at. */
export const NO_FACTS: MediaFacts = {}
