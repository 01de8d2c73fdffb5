import { MAX_TUS_PARTS } from '../defaults.ts'
import { targetOf } from '../router/target.ts'
import { badHeader } from './numbers.ts'

export type UploadConcat =
  | { readonly type: 'partial' }
  /** Ids of the parts, in order; one may stand several times. */
  | { readonly type: 'final'; readonly partIds: readonly string[] }

/** @throws MediaError MEDIA_BAD_INPUT `bad-upload-concat`, `too-many-parts` */
export function parseUploadConcat(text: string): UploadConcat {
  if (text === 'partial') return { type: 'partial' }
  if (!text.startsWith('final;')) throw bad('Upload-Concat is partial, or final; and the addresses of parts')
  const partIds = text
    .slice('final;'.length)
    .split(' ')
    .filter((address) => address !== '')
    .map(idOfAddress)
  if (partIds.length === 0) throw bad('Upload-Concat names no parts')
  if (partIds.length > MAX_TUS_PARTS) {
    throw badHeader(`an upload has at most ${MAX_TUS_PARTS} parts`, 'too-many-parts')
  }
  return { type: 'final', partIds }
}

/** Id of an upload by its address, absolute or relative. Whose host it names does not matter: only ids of ours are found. */
function idOfAddress(address: string): string {
  const id = /\/([A-Za-z0-9_-]+)$/.exec(targetOf({ url: address }))?.[1]
  if (id === undefined) throw bad('Upload-Concat names something that is no upload')
  return id
}

function bad(message: string): Error {
  return badHeader(message, 'bad-upload-concat')
}
