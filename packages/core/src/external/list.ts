import type { CallCause } from '../contracts/call.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import { pagesOf } from '../pages.ts'
import type { Mapping } from './mapping.ts'

export interface ListedPage {
  readonly objects: readonly ObjectHead[]
}

/** The listing of an external tier, page by page. */
export function listObjects(
  { volume, prefix }: Mapping,
  cause: CallCause,
  check: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedPage> {
  return pagesOf((from) => {
    check()
    return volume.store.list({
      context: { cause },
      ...(prefix === '' ? {} : { prefix }),
      ...from,
      ...(signal === undefined ? {} : { signal }),
    })
  })
}
