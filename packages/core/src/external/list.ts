import type { CallCause } from '../contracts/call.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import type { Mapping } from './mapping.ts'

export interface ListedPage {
  readonly objects: readonly ObjectHead[]
}

/** The listing of an external tier, page by page. */
export async function* listObjects(
  { volume, prefix }: Mapping,
  cause: CallCause,
  check: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedPage> {
  let cursor: string | undefined
  do {
    check()
    const page = await volume.store.list({
      context: { cause },
      ...(prefix === '' ? {} : { prefix }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(signal === undefined ? {} : { signal }),
    })
    yield page
    cursor = page.cursor
  } while (cursor !== undefined)
}
