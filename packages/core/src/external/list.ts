import type { CallCause } from '../contracts/call.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import { pagesOf } from '../pages.ts'
import { isPieceKey } from '../uploads/piece-keys.ts'
import type { Mapping } from './mapping.ts'

export interface ListedPage {
  readonly objects: readonly ObjectHead[]
}

/** The listing of an external tier, page by page. Bodies in pieces that a store of ours keeps there are on their way to be media elsewhere. */
export async function* listObjects(
  { volume, prefix }: Mapping,
  cause: CallCause,
  check: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedPage> {
  const pages = pagesOf((from) => {
    check()
    return volume.store.list({
      context: { cause },
      ...(prefix === '' ? {} : { prefix }),
      ...from,
      ...(signal === undefined ? {} : { signal }),
    })
  })
  for await (const { objects } of pages) yield { objects: objects.filter(({ key }) => !isPieceKey(key)) }
}
