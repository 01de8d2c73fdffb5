import type { MediaFacts } from '../contracts/media.ts'
import { lookAtPng } from './images/png.ts'
import { type Inspection, type Look, NO_FACTS } from './inspection.ts'

const LOOKS: ReadonlyMap<string, Look> = new Map<string, Look>([['image/png', lookAtPng]])

/** Whether anybody looks into bodies of this type. */
export function isLookedAt(contentType: string): boolean {
  return LOOKS.has(contentType)
}

/** The look that fits the verified type. @throws MediaError MEDIA_INVALID or MEDIA_TYPE_REFUSED */
export async function look(inspection: Inspection): Promise<MediaFacts> {
  return (await LOOKS.get(inspection.contentType)?.(inspection)) ?? NO_FACTS
}
