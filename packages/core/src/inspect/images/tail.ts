import type { ByteWindow } from '../byte-window.ts'
import type { InspectLimits } from '../limits.ts'
import { doubtful } from '../refusals.ts'

/** @throws MediaError MEDIA_TYPE_REFUSED `trailing-data` */
export async function checkTail(window: ByteWindow, end: number, limits: InspectLimits): Promise<void> {
  if (limits.trailingData === 'allow') return
  for (let at = end; at < window.sizeBytes; ) {
    const bytes = await window.scan(at)
    if (bytes.some((byte) => byte !== 0)) throw doubtful('trailing-data', 'there is something behind the end')
    at += bytes.length
  }
}
