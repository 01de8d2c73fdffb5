import { compareKeys } from '../bytes/object-key.ts'
import type { Call } from '../contracts/call.ts'
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

/** Where a listing without order stands. */
interface Turn {
  readonly rank: number
  readonly page: string | null
}

interface Run {
  readonly member: Member
  page: Page
  /** After what is in `objects`. */
  next: Page
  objects: ObjectHead[]
}

/** One page of all members together; needs them all. */
export async function listMerged(
  members: readonly Member[],
  options: ListObjectsOptions,
): Promise<ObjectPage> {
  const isOrdered = members.every(({ store }) => store.traits.listOrder === 'key')
  return isOrdered ? listInOrder(members, options) : listInTurn(members, options)
}

/**
 * One page in key order, each key once, from the best member that has it.
 *
 * Members are asked in rounds, the worst first, and one that has no more to give ends the round: so a copy that is moved
 * to a better member while we ask is seen twice rather than never, and twice is merged.
 * @throws what a member throws: without its keys the list would say "absent" of what may be there.
 */
async function listInOrder(members: readonly Member[], options: ListObjectsOptions): Promise<ObjectPage> {
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

/**
 * One page of members that list in no order: the worst member first, then the better ones, for the same reason. What a
 * better member has too is left to it. An object that is healed between two pages may be on both.
 */
async function listInTurn(members: readonly Member[], options: ListObjectsOptions): Promise<ObjectPage> {
  const { cursor, ...rest } = options
  let turn: Turn =
    cursor === undefined ? { rank: members.length - 1, page: null } : turnOf(cursor, members.length)
  for (const member of members) if (!member.isUp()) throw member.downError()
  for (;;) {
    const member = members[turn.rank]
    if (member === undefined) return { objects: [] }
    const page = await member.store.list({ ...rest, ...(turn.page === null ? {} : { cursor: turn.page }) })
    const objects: ObjectHead[] = []
    for (const head of page.objects) {
      if (member.owed.has(head.key) || (await isInBetter(members, member, head.key, rest))) continue
      objects.push({ ...head, storedIn: member.name })
    }
    const next: Turn | undefined =
      page.cursor === undefined
        ? await nextTurn(members, turn.rank - 1, rest)
        : { rank: turn.rank, page: page.cursor }
    if (next === undefined) return { objects }
    if (objects.length > 0) return { objects, cursor: cursorOf(next) }
    turn = next
  }
}

/** The worst of the members from this rank on that holds anything: a cursor says that there is more. */
async function nextTurn(
  members: readonly Member[],
  from: number,
  options: ListObjectsOptions,
): Promise<Turn | undefined> {
  for (let rank = from; rank >= 0; rank--) {
    const page = await members[rank]?.store.list({ ...options, limit: 1 })
    if (page !== undefined && page.objects.length > 0) return { rank, page: null }
  }
  return undefined
}

async function isInBetter(
  members: readonly Member[],
  member: Member,
  key: string,
  call: Call,
): Promise<boolean> {
  for (const better of members.slice(0, member.rank)) {
    if (better.owed.has(key)) continue
    if ((await better.store.head(key, call)) !== undefined) return true
  }
  return false
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

function cursorOf(position: Position | Turn): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

function positionOf(cursor: string, members: number): Position {
  const position = parse(cursor)
  if (isPosition(position) && position.pages.length === members && cursorOf(position) === cursor)
    return position
  throw badCursor()
}

function turnOf(cursor: string, members: number): Turn {
  const turn = parse(cursor)
  if (isTurn(turn) && turn.rank < members && cursorOf(turn) === cursor) return turn
  throw badCursor()
}

/** Only what we would have written ourselves is taken: anything else is a mistake that must not restart a listing. */
function badCursor(): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', 'the cursor is not one of this store', { reason: 'bad-cursor' })
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}

function isTurn(value: unknown): value is Turn {
  if (typeof value !== 'object' || value === null || !('rank' in value) || !('page' in value)) return false
  const { rank, page } = value
  return Number.isInteger(rank) && Number(rank) >= 0 && (page === null || typeof page === 'string')
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
