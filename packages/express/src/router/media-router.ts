import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Access, badOption, type MediaStore } from '@mediakeep/core'
import { answerTus } from '../tus/tus-door.ts'
import { completePieces, putChunk } from '../uploads/chunks.ts'
import { createUpload } from '../uploads/create-upload.ts'
import { answerParts } from '../uploads/parts.ts'
import { putPresigned } from '../uploads/put-presigned.ts'
import { answerS3 } from '../uploads/s3-door.ts'
import { cancelUpload, showUpload } from '../uploads/session.ts'
import { absent } from './access.ts'
import { refuseMethod, sendProblem } from './answer.ts'
import { type Exchange, openExchange } from './exchange.ts'
import { changeLink } from './links.ts'
import { listLinked, listMedia } from './lists.ts'
import { METHODS, matchRoute, type Route } from './match.ts'
import { readById, readByKey } from './read-content.ts'
import {
  changeRecord,
  deleteRecord,
  releaseMedia,
  showAvailability,
  showRecord,
  showStatus,
  warmMedia,
} from './records.ts'
import { type RouterOptions, settingsOf } from './settings.ts'
import { splitTarget } from './target.ts'
import { createTurns } from './turns.ts'
import { createMedia, putByKey, replaceContent } from './write-content.ts'

/** Answers a request over `node:http` messages. `next` is called only for a path outside `basePath`. */
export type MediaHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void

export interface MediaRouterOptions extends RouterOptions {
  /** Who may do what. Required: there is no default. */
  readonly access: Access
}

/**
 * The HTTP interface of a store: upload, read with ranges and conditions, list, change, link.
 * A plain function over `node:http` messages: mount it in Express 4 or 5, Connect, NestJS or Fastify with middie,
 * or give it to `http.createServer`. Every failure is answered as problem+json; nothing is passed to `next`.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` when `access` is absent, and for options that are unknown or of another kind.
 * @example
 * app.use('/media', mediaRouter(store, { access: openAccess() }))
 */
export function mediaRouter(store: MediaStore, options: MediaRouterOptions): MediaHandler {
  const access = options?.access
  if (typeof access?.authenticate !== 'function' || typeof access.authorize !== 'function') {
    throw badOption(
      'mediaRouter: access is required: { authenticate, authorize }, ownersOnly({ authenticate }), or openAccess() for a machine of your own',
    )
  }
  const settings = settingsOf('mediaRouter', options)
  const turns = createTurns()
  return (request, response, next) => {
    const target = splitTarget(request, settings.basePath)
    if (!target.isBelow && next !== undefined) {
      next()
      return
    }
    const exchange = { ...openExchange(request, response, settings, target), store, access, turns }
    void answerOrTell(exchange, target.isBelow ? matchRoute(target.path) : { name: 'unknown' })
  }
}

async function answerOrTell(exchange: Exchange, route: Route): Promise<void> {
  try {
    await answer(exchange, route)
  } catch (error) {
    sendProblem(exchange, error)
  }
}

/** Not async: reads are answered by the ten thousand a second, and each promise in a chain of them is paid for. */
function answer(exchange: Exchange, route: Route): void | Promise<void> {
  const { method } = exchange
  if (route.name === 'tus') return answerTus(exchange, route.uploadId)
  if (route.name === 's3') return answerS3(exchange, route.rest)
  const methods = METHODS[route.name]
  if (!methods.includes(method)) {
    if (route.name === 'unknown') throw absent()
    return refuseMethod(exchange, methods)
  }
  switch (route.name) {
    case 'content':
      return method === 'PUT' ? replaceContent(exchange, route.id) : readById(exchange, route.id, false)
    case 'download':
      return readById(exchange, route.id, true)
    case 'key':
      return method === 'PUT' ? putByKey(exchange, route.rawKey) : readByKey(exchange, route.rawKey)
    case 'collection':
      return method === 'POST' ? createMedia(exchange) : listMedia(exchange)
    case 'record':
      if (method === 'PATCH') return changeRecord(exchange, route.id)
      return method === 'DELETE' ? deleteRecord(exchange, route.id) : showRecord(exchange, route.id)
    case 'status':
      return showStatus(exchange, route.id)
    case 'availability':
      return showAvailability(exchange, route.id)
    case 'warm':
      return warmMedia(exchange, route.id)
    case 'release':
      return releaseMedia(exchange, route.id)
    case 'link':
      return changeLink(exchange, route.id, route.kind, route.target)
    case 'linked':
      return listLinked(exchange, route.kind, route.target)
    case 'uploads':
      return createUpload(exchange)
    case 'upload':
      if (method === 'PUT') return putPresigned(exchange, route.uploadId)
      return method === 'DELETE'
        ? cancelUpload(exchange, route.uploadId)
        : showUpload(exchange, route.uploadId)
    case 'upload-complete':
      return completePieces(exchange, route.uploadId)
    case 'upload-parts':
      return answerParts(exchange, route.uploadId)
    case 'upload-chunk':
      return putChunk(exchange, route.uploadId, route.index)
    case 'unknown':
      throw absent()
  }
}
