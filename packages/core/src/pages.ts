/** Where a listing goes on, to be spread into its options: nothing for the first page. */
export interface PageStart {
  readonly cursor?: string
}

/**
 * Every page of a listing, each asked for when the one before it is done with.
 * @param list one page; the next is asked for by its cursor, and one without is the last
 * @example
 * for await (const { objects } of pagesOf((from) => store.list({ prefix, ...from }))) count += objects.length
 */
export async function* pagesOf<Page extends { readonly cursor?: string | undefined }>(
  list: (from: PageStart) => Promise<Page>,
): AsyncGenerator<Page, undefined> {
  let from: PageStart = {}
  for (;;) {
    const page = await list(from)
    yield page
    if (page.cursor === undefined) return undefined
    from = { cursor: page.cursor }
  }
}
