import type { Partials, PartialWriter } from '../contracts/object-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { Hold } from './hold.ts'
import type { UploadData, UploadPart } from './upload-data.ts'

/**
 * The part that this hold writes to, open: the same for all chunks of it. Nobody else may write there; the row says which one it is, and
 * with it `change`, before its first byte.
 */
export async function openPart(
  hold: Hold,
  partials: Partials,
  change: Partial<UploadData> = {},
): Promise<{ readonly writer: PartialWriter; readonly part: UploadPart }> {
  const open = async (marked: Promise<UploadPart>): Promise<Awaited<ReturnType<typeof openPart>>> => {
    const part = await marked
    return { writer: await partials.open({ name: hold.token.id, part: part.part }), part }
  }
  const chosen = hold.writing.part ?? begin(hold, choose(hold), change)
  try {
    return await open(chosen)
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_CONFLICT') || error.reason !== 'part-taken') throw error
    // A commit that failed has left these bytes to an object: they stay as they are, and what comes now goes elsewhere.
    const { part } = hold.writing
    return await open(part === undefined || part === chosen ? begin(hold, nextPart(hold), {}) : part)
  }
}

function begin(hold: Hold, part: UploadPart, change: Partial<UploadData>): Promise<UploadPart> {
  const marked = mark(hold, part, change)
  hold.writing.part = marked
  marked.catch(() => {
    if (hold.writing.part === marked) hold.writing.part = undefined
  })
  return marked
}

/** The last part, or a new one where somebody who lost the upload may still write to it. */
function choose(hold: Hold): UploadPart {
  const last = hold.data.parts.at(-1)
  return last === undefined || hold.data.isWriting ? nextPart(hold) : last
}

function nextPart({ record, data }: Hold): UploadPart {
  return { part: data.nextPart, startBytes: record.offsetBytes }
}

async function mark(hold: Hold, part: UploadPart, change: Partial<UploadData>): Promise<UploadPart> {
  const { parts, nextPart: next } = hold.data
  // Parts of which nothing counts are not read, and are swept with the rest.
  const counting = parts.filter(({ startBytes }) => startBytes < part.startBytes)
  const isNew = part.part === next
  await hold.save({
    state: 'receiving',
    isPassing: true,
    data: {
      ...change,
      isWriting: true,
      ...(isNew ? { parts: [...counting, part], nextPart: next + 1 } : {}),
    },
  })
  return part
}
