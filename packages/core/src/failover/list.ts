import { compareKeys } from '../bytes/object-key.ts'
import type { ListObjectsOptions, ObjectHead, ObjectPage } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import type { Member } from './member.ts'

const MAX_PAGE_OBJECTS = 1000

/** Where a listing stands: the last key given, and of each member, by rank, the page in which its next one is. */
interface Position {
  readonly after?: string
  readonly pages: readonly Page[]
}

/** `null` is the first page, `end` none any more. */
type Page = { readonly cursor: string | null } | 'end'

interface Run {
  readonly member: Member
  page: Page
  /** After what is in `objects`. */
  next: Page
  objects: ObjectHead[]
}

/**
 * One page of all members together, in key order, each key once, from the best member that has it.
 *
 * Members are asked in rounds, the worst first, and one that has no more to give ends the round: so a copy that is moved
 * to a better member while we ask is seen twice rather than never, and twice is merged.
 * @throws what a member throws: without its keys the list would say "absent" of what may be there.
 */
export async function listMerged(
  members: readonly Member[],
  options: ListObjectsOptions,
): Promise<ObjectPage> {
  const { cursor, limit = MAX_PAGE_OBJECTS, ...rest } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_OBJECTS) {
    throw new MediaError('MEDIA_BAD_INPUT', `a page has 1 to ${MAX_PAGE_OBJECTS} objects, not ${limit}`, {
      reason: 'bad-limit',
    })
  }
  const from = cursor === undefined ? undefined : positionOf(cursor, members.length)
  let after = from?.after
  let pages: readonly Page[] = from?.pages ?? members.map(() => ({ cursor: null }))
  const objects: ObjectHead[] = []

  const openRun = async (member: Member): Promise<Run> => {
    const run: Run = { member, page: 'end', next: pages[member.rank] ?? 'end', objects: [] }
    while (run.objects.length === 0 && run.next !== 'end') {
      if (!member.isUp()) throw member.downError()
      run.page = run.next
      const fetched = await member.store.list({
        ...rest,
        limit,
        ...(run.page.cursor === null ? {} : { cursor: run.page.cursor }),
      })
      run.next = fetched.cursor === undefined ? 'end' : { cursor: fetched.cursor }
      run.objects = fetched.objects.filter(
        ({ key }) => (after === undefined || compareKeys(key, after) > 0) && !member.owed.has(key),
      )
    }
    return run
  }

  for (;;) {
    const runs: Run[] = []
    for (const member of [...members].reverse()) runs.unshift(await openRun(member))
    while (objects.length < limit && !runs.some(isSpent)) {
      const best = firstOf(runs)
      if (best === undefined) return { objects }
      objects.push({ ...best.head, storedIn: best.member.name })
      after = best.head.key
      for (const run of runs) if (run.objects[0]?.key === after) run.objects.shift()
    }
    pages = runs.map((run) => (run.objects.length === 0 ? run.next : run.page))
    if (pages.every((page) => page === 'end')) return { objects }
    if (objects.length >= limit && after !== undefined) return { objects, cursor: cursorOf({ after, pages }) }
  }
}

/** It has more, but not here: what of the others comes after that is not known yet. */
function isSpent(run: Run): boolean {
  return run.objects.length === 0 && run.next !== 'end'
}

/** The smallest key there is, as the best member with it tells it. */
function firstOf(runs: readonly Run[]): { head: ObjectHead; member: Member } | undefined {
  let first: { head: ObjectHead; member: Member } | undefined
  for (const { member, objects } of runs) {
    const [head] = objects
    if (head === undefined) continue
    if (first === undefined || compareKeys(head.key, first.head.key) < 0) first = { head, member }
  }
  return first
}

function cursorOf(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

function positionOf(cursor: string, members: number): Position {
  const position = parse(Buffer.from(cursor, 'base64url').toString())
  // Only what we would have written ourselves is taken: anything else is a mistake that must not restart a listing.
  if (position?.pages.length === members && cursorOf(position) === cursor) return position
  throw new MediaError('MEDIA_BAD_INPUT', 'the cursor is not one of this store', { reason: 'bad-cursor' })
}

function parse(text: string): Position | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isPosition(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null || !('pages' in value) || !('after' in value)) return false
  return typeof value.after === 'string' && Array.isArray(value.pages) && value.pages.every(isPage)
}

function isPage(page: unknown): page is Page {
  if (page === 'end') return true
  if (typeof page !== 'object' || page === null || !('cursor' in page)) return false
  return page.cursor === null || typeof page.cursor === 'string'
}
