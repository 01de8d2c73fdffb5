import type { MediaFacts } from '../contracts/media.ts'
import { lookAtZip } from './archives/zip.ts'
import { MAX_WINDOW_READ_BYTES } from './byte-window.ts'
import { type Inspection, NO_FACTS } from './inspection.ts'
import { doubtful, invalid } from './refusals.ts'
import { checkNoZip } from './zip-end.ts'

/** PDF: it may not be an archive as well. */
export async function lookAtPdf({ window }: Inspection): Promise<MediaFacts> {
  await checkNoZip(window)
  // Some readers of archives do not mind bytes behind the end of one.
  const last = await window.read(Math.max(0, window.sizeBytes - MAX_WINDOW_READ_BYTES), MAX_WINDOW_READ_BYTES)
  if (last.subarray(last.lastIndexOf('%%EOF')).includes('PK\u0005\u0006') && last.includes('%%EOF'))
    throw doubtful('polyglot', 'PDF: behind its end there is an archive')
  return NO_FACTS
}

const ARCHIVE_HEAD = Buffer.from('PK\u0003\u0004', 'latin1')

/** Whether a body that begins with these bytes, at least four where it has them, begins as an archive. */
export function isArchive(head: Uint8Array): boolean {
  return ARCHIVE_HEAD.equals(head.subarray(0, ARCHIVE_HEAD.length))
}

/** Whatever else begins as an archive is looked at as one: documents, books, programs. */
export async function lookAtOther(inspection: Inspection): Promise<MediaFacts> {
  const head = await inspection.window.read(0, ARCHIVE_HEAD.length)
  return isArchive(head) ? await lookAtZip(inspection) : NO_FACTS
}

/** Lists that make a player open other files, here or elsewhere. Taken only where a policy names them. */
export async function lookAtPlaylist({ limits }: Inspection): Promise<MediaFacts> {
  if (limits.isNamed) return NO_FACTS
  throw invalid('playlist', 'a list of other files, which players would open')
}
