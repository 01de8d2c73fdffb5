import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Access, CallContext, MediaStore, Principal } from '@mediakeep/core'
import { parseTraceParent, requestIdOf } from '@mediakeep/core'
import { newRequestId } from '../request-id.ts'
import type { ClientBody } from './client-body.ts'
import type { RouterSettings } from './settings.ts'
import { type RequestTarget, splitTarget, targetOf } from './target.ts'
import type { Turns } from './turns.ts'

/** A request as frameworks pass it on: with what they cut from its address, or a body they have read. */
export interface MountedRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly baseUrl?: string
  readonly body?: unknown
}

/** One request and its answer, whatever it is about. */
export interface HttpExchange {
  readonly request: MountedRequest
  readonly response: ServerResponse
  readonly settings: RouterSettings
  readonly requestId: string
  readonly method: string
  /** Path below the mount and below `basePath`. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  /** Set when reading of the body has begun. */
  body: ClientBody | undefined
}

/** What a router begins with. */
export function openExchange(
  request: IncomingMessage,
  response: ServerResponse,
  settings: RouterSettings,
  { path, query }: Pick<RequestTarget, 'path' | 'query'>,
): HttpExchange {
  return {
    request,
    response,
    settings,
    requestId: requestIdOf(request.headers['x-request-id'], newRequestId),
    method: request.method ?? 'GET',
    path,
    query,
    body: undefined,
  }
}

/** One request to a media store. */
export interface Exchange extends HttpExchange {
  readonly store: MediaStore
  readonly access: Access
  /** Who writes under a key without a condition, one after the other. */
  readonly turns: Turns
}

/** Address of the collection as the client sees it, without a slash at its end; relative to the host. */
export function mountOf({ request, path, query, settings }: Exchange): string {
  if (typeof request.baseUrl === 'string') return request.baseUrl + settings.basePath
  const below = query === '' ? path : `${path}?${query}`
  const original = targetOf({ url: request.originalUrl ?? request.url ?? '/' })
  if (original.endsWith(below)) return original.slice(0, original.length - below.length)
  // A mount without slash behind it: frameworks then make the path `/`.
  return splitTarget({ url: original }, '').path.replace(/\/+$/, '')
}

/** Who asks. @throws MediaError MEDIA_UNAUTHENTICATED for credentials that are not good. */
export function principalOf({
  access,
  request,
}: Exchange): Principal | undefined | Promise<Principal | undefined> {
  return access.authenticate(request)
}

/** What the store is told about who asked. */
export function contextOf(
  { request, requestId }: HttpExchange,
  principal: Principal | undefined,
): CallContext {
  const traceparent = request.headers['traceparent']
  return {
    requestId,
    ...(typeof traceparent === 'string' && parseTraceParent(traceparent) !== undefined
      ? { traceparent }
      : {}),
    ...(principal === undefined ? {} : { principalId: principal.id }),
  }
}
