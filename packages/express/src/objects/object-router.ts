import { MediaError, parseObjectPath, parseObjectQuery, requestIdOf } from '@mediakeep/core'
import { newRequestId } from '../request-id.ts'
import { absent } from '../router/access.ts'
import { sendProblem } from '../router/answer.ts'
import type { HttpExchange } from '../router/exchange.ts'
import type { MediaHandler } from '../router/media-router.ts'
import { type RouterOptions, settingsOf } from '../router/settings.ts'
import { targetOf } from '../router/target.ts'
import { deleteObjects, listObjects } from './batch.ts'
import {
  allowAct,
  type Bucket,
  bucketsOf,
  type ObjectAccess,
  type ObjectAuthorizeInput,
  type OpenBucket,
} from './buckets.ts'
import type { ObjectExchange } from './exchange.ts'
import { readObject } from './read-object.ts'
import { deleteObject, putObject } from './write-object.ts'

export interface ObjectRouterOptions extends Omit<RouterOptions, 'multipart'> {
  /** Stores by the name they have in the address. */
  readonly buckets: Readonly<Record<string, Bucket>>
  /** Who may do what. Required: there is no default. */
  readonly access: ObjectAccess
}

/** What a path names: the objects of a bucket together, or one of them. */
interface Target {
  readonly bucket: OpenBucket
  readonly key: string | undefined
}

/**
 * Object stores over HTTP, for `httpStore` of another instance and for whatever else can send requests:
 * GET, HEAD, PUT and DELETE `/:bucket/*key`, GET `/:bucket?prefix=&after=&limit=`, POST `/:bucket?delete`.
 * It serves what the stores hold as it is: no records, no checks of types, no owners. Media are served by `mediaRouter`.
 * @throws TypeError when `access` is absent, or a bucket is none.
 * @example
 * app.use('/objects', objectRouter({ buckets: { media: fsStore({ root }) }, access: { authenticate, authorize } }))
 */
export function objectRouter(options: ObjectRouterOptions): MediaHandler {
  const access = options?.access
  if (typeof access?.authenticate !== 'function' || typeof access.authorize !== 'function') {
    throw new TypeError(
      'objectRouter: access is required: { authenticate, authorize }, or openAccess() for a machine of your own',
    )
  }
  const buckets = bucketsOf(options.buckets)
  const settings = settingsOf(options)
  const { basePath } = settings

  async function answer(exchange: HttpExchange, path: string): Promise<void> {
    const principal = await access.authenticate(exchange.request)
    const { bucket, key } = targetIn(buckets, path, exchange.query)
    const act = async (
      action: ObjectAuthorizeInput['action'],
      run: (exchange: ObjectExchange) => Promise<void>,
    ): Promise<void> => {
      await allowAct(access, bucket, principal, { action, ...(key === undefined ? {} : { key }) })
      await run(Object.assign(exchange, { store: bucket.store, principal }))
    }
    const { method } = exchange
    if (key === undefined) {
      if (method === 'GET') return act('list', listObjects)
      if (method === 'POST' && exchange.query === 'delete') return act('delete', deleteObjects)
      return refuseMethod(exchange, ['GET', 'POST'])
    }
    switch (method) {
      case 'GET':
      case 'HEAD':
        return act('read', (one) => readObject(one, key))
      case 'PUT':
        return act('create', (one) => putObject(one, key))
      case 'DELETE':
        return act('delete', (one) => deleteObject(one, key))
      default:
        return refuseMethod(exchange, ['GET', 'HEAD', 'PUT', 'DELETE'])
    }
  }

  return (request, response, next) => {
    const url = targetOf(request)
    const question = url.indexOf('?')
    const path = question === -1 ? url : url.slice(0, question)
    const isBelow = basePath === '' || path === basePath || path.startsWith(`${basePath}/`)
    if (!isBelow && next !== undefined) {
      next()
      return
    }
    const exchange: HttpExchange = {
      request,
      response,
      settings,
      requestId: requestIdOf(request.headers['x-request-id'], newRequestId),
      method: request.method ?? 'GET',
      path: isBelow ? path.slice(basePath.length) : path,
      query: question === -1 ? '' : url.slice(question + 1),
      body: undefined,
    }
    const answered = isBelow ? answer(exchange, exchange.path) : Promise.reject(absent())
    answered.catch((error: unknown) => sendProblem(exchange, error))
  }
}

/** Nothing of the path is resolved: a dot segment, an empty one and an encoded slash name nothing. */
function targetIn(buckets: ReadonlyMap<string, OpenBucket>, path: string, query: string): Target {
  const slash = path.indexOf('/', 1)
  const name = slash === -1 ? path.slice(1) : path.slice(1, slash)
  const rawKey = slash === -1 ? '' : path.slice(slash + 1)
  const bucket = buckets.get(name)
  if (bucket === undefined) throw absent()
  if (rawKey !== '') return { bucket, key: parseObjectPath(rawKey) }
  return { bucket, key: parseObjectQuery(query) }
}

async function refuseMethod(exchange: HttpExchange, methods: readonly string[]): Promise<void> {
  const allowed = methods.join(', ')
  sendProblem(exchange, new MediaError('MEDIA_METHOD', `the methods here are ${allowed}`), ['Allow', allowed])
}
