import type { Catalog } from '@mediakeep/core'
import type { Life } from '../world.ts'

/** Marks what records name, lists what is there, and deletes the difference at once. */
export async function markAndSweep({ objects }: Life, catalog: Catalog): Promise<void> {
  const marked = new Set<string>()
  let from: string | undefined
  do {
    const page = await catalog.list('default', from === undefined ? {} : { cursor: from })
    for (const { content } of page.records) for (const { key } of content.placements) marked.add(key)
    from = page.nextCursor
  } while (from !== undefined)
  let cursor: string | undefined
  do {
    const page = await objects.list(cursor === undefined ? {} : { cursor })
    for (const { key } of page.objects) if (!marked.has(key)) await objects.delete(key)
    cursor = page.cursor
  } while (cursor !== undefined)
}
