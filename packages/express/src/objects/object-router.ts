import { badOption, parseObjectPath, parseObjectQuery } from '@mediakeep/core'
import { absent } from '../router/access.ts'
import { refuseMethod, sendProblem } from '../router/answer.ts'
import { type HttpExchange, openExchange } from '../router/exchange.ts'
import type { MediaHandler } from '../router/media-router.ts'
import { type RouterOptions, settingsOf } from '../router/settings.ts'
import { splitTarget } from '../router/target.ts'
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
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` when `access` is absent, a bucket is none, and for options that are unknown or of another
 * kind.
 * @example
 * app.use('/objects', objectRouter({ buckets: { media: fsStore({ root }) }, access: { authenticate, authorize } }))
 */
export function objectRouter(options: ObjectRouterOptions): MediaHandler {
  const access = options?.access
  if (typeof access?.authenticate !== 'function' || typeof access.authorize !== 'function') {
    throw badOption(
      'objectRouter: access is required: { authenticate, authorize }, or openAccess() for a machine of your own',
    )
  }
  const buckets = bucketsOf(options.buckets)
  const settings = settingsOf('objectRouter', options)

  async function answer(exchange: HttpExchange): Promise<void> {
    const principal = await access.authenticate(exchange.request)
    const { bucket, key } = targetIn(buckets, exchange)
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
    const target = splitTarget(request, settings.basePath)
    if (!target.isBelow && next !== undefined) {
      next()
      return
    }
    const exchange = openExchange(request, response, settings, target)
    const answered = target.isBelow ? answer(exchange) : Promise.reject(absent())
    answered.catch((error: unknown) => sendProblem(exchange, error))
  }
}

/** Nothing of the path is resolved: a dot segment, an empty one and an encoded slash name nothing. */
function targetIn(buckets: ReadonlyMap<string, OpenBucket>, { path, query }: HttpExchange): Target {
  const slash = path.indexOf('/', 1)
  const name = slash === -1 ? path.slice(1) : path.slice(1, slash)
  const rawKey = slash === -1 ? '' : path.slice(slash + 1)
  const bucket = buckets.get(name)
  if (bucket === undefined) throw absent()
  if (rawKey !== '') return { bucket, key: parseObjectPath(rawKey) }
  return { bucket, key: parseObjectQuery(query) }
}
