import {
  type MediaPage,
  type MediaQuery,
  type Principal,
  parseLinkQuery,
  parseLinkTarget,
} from '@mediakeep/core'
import { z } from 'zod'
import { DEFAULT_PAGE_LIMIT, MAX_PAGE_LIMIT } from '../defaults.ts'
import { denied, isOwner, permits } from './access.ts'
import { sendJson } from './answer.ts'
import { type Exchange, mountOf, principalOf } from './exchange.ts'
import { parseWith } from './json-body.ts'
import { badLinkPath } from './links.ts'
import { mediaJson } from './media-json.ts'

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text))
const PAGE = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(MAX_PAGE_LIMIT))
    .optional(),
  cursor: z.string().min(1).max(1024).optional(),
}
const LINKED = z.strictObject(PAGE)
const QUERY = z.strictObject({
  ...PAGE,
  owner: z.string().min(1).max(256).optional(),
  type: z
    .string()
    .max(255)
    .regex(/^[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)$/, 'type/subtype or type/*')
    .optional(),
  state: z.enum(['pending', 'active', 'rejected', 'quarantined']).optional(),
  tag: z.string().min(1).max(512).optional(),
  link: z.string().max(1024).optional(),
  key: z.string().max(4096).optional(),
  q: z.string().max(512).optional(),
  createdAfter: instant.optional(),
  createdBefore: instant.optional(),
})

/** GET of the collection, newest first. */
export async function listMedia(exchange: Exchange): Promise<void> {
  const { access } = exchange
  const principal = await principalOf(exchange)
  const wanted = parseWith(QUERY, parametersOf(exchange))
  let { owner } = wanted
  if (!(await permits(access, { principal, action: 'list', ...(owner === undefined ? {} : { owner }) }))) {
    if (principal === undefined || owner !== undefined)
      throw denied(principal, 'you may not list these media')
    // Who may not list everything lists their own.
    owner = principal.id
    if (!(await permits(access, { principal, action: 'list', owner })))
      throw denied(principal, 'you may not list media')
  }
  const { link, limit, cursor, type, state, tag, key, q, createdAfter, createdBefore } = wanted
  await sendPage(exchange, principal, {
    limit: limit ?? DEFAULT_PAGE_LIMIT,
    ...(cursor === undefined ? {} : { cursor }),
    ...(owner === undefined ? {} : { owner }),
    ...(type === undefined ? {} : { type: type.toLowerCase() }),
    ...(state === undefined ? {} : { state }),
    ...(tag === undefined ? {} : { tag }),
    ...(link === undefined ? {} : { link: parseLinkQuery(link) }),
    ...(key === undefined ? {} : { key }),
    ...(q === undefined ? {} : { q }),
    ...(createdAfter === undefined ? {} : { createdAfter }),
    ...(createdBefore === undefined ? {} : { createdBefore }),
  })
}

/** GET of what is linked to something of the host's: those of them that the asker may see. */
export async function listLinked(
  exchange: Exchange,
  kind: string | undefined,
  target: string | undefined,
): Promise<void> {
  if (kind === undefined || target === undefined) throw badLinkPath()
  const link = parseLinkTarget({ kind, target })
  const principal = await principalOf(exchange)
  const { limit, cursor } = parseWith(LINKED, parametersOf(exchange))
  await sendPage(exchange, principal, {
    link,
    limit: limit ?? DEFAULT_PAGE_LIMIT,
    ...(cursor === undefined ? {} : { cursor }),
  })
}

async function sendPage(
  exchange: Exchange,
  principal: Principal | undefined,
  query: MediaQuery,
): Promise<void> {
  const { store, query: text } = exchange
  const page = await store.list(query)
  const items = await Promise.all(
    (await visibleOf(exchange, principal, page)).map((media) => mediaJson(store, media)),
  )
  const { nextCursor } = page
  if (nextCursor === undefined) {
    sendJson(exchange, 200, { items })
    return
  }
  const next = new URLSearchParams(text)
  next.set('cursor', nextCursor)
  const mount = mountOf(exchange)
  const path = exchange.path === '/' && mount !== '' ? '' : exchange.path
  sendJson(exchange, 200, { items, nextCursor }, ['Link', `<${mount}${path}?${next.toString()}>; rel="next"`])
}

/** A page may be shorter than asked for; it never shows what its reader could not see one by one. */
async function visibleOf(
  { access }: Exchange,
  principal: Principal | undefined,
  page: MediaPage,
): Promise<MediaPage['items']> {
  if (access.open === true) return page.items
  const may = await Promise.all(
    page.items.map(async (media) => {
      if (media.state !== 'active' && !isOwner(access, principal, media)) return false
      return permits(access, { principal, action: 'stat', media })
    }),
  )
  return page.items.filter((_, index) => may[index])
}

/** Parameters by name. One that stands twice becomes a list, which fits no rule. */
function parametersOf({ query }: Exchange): Record<string, string | string[]> {
  const parameters = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    const before = parameters.get(name)
    parameters.set(name, before === undefined ? value : [...[before].flat(), value])
  }
  return Object.fromEntries(parameters)
}
