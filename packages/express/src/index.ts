/**
 * HTTP of a media store, as functions over `node:http` messages.
 *
 * ```ts
 * app.use('/media', mediaRouter(store, { access: openAccess() }))
 * ```
 * @packageDocumentation
 */
export { continueOnRead } from './continue-on-read.ts'
export { healthRouter } from './health/health-router.ts'
export type { MultipartLimits } from './multipart/form.ts'
export type { Bucket, BucketRule, ObjectAccess, ObjectAuthorizeInput } from './objects/buckets.ts'
export { type ObjectRouterOptions, objectRouter } from './objects/object-router.ts'
export { type OwnersOnlyOptions, openAccess, ownersOnly } from './router/access.ts'
export { type MediaHandler, type MediaRouterOptions, mediaRouter } from './router/media-router.ts'
export type { ErrorListener, RouterOptions } from './router/settings.ts'
export { drainServer } from './server/drain.ts'
export { isLoopback, loopbackOnly } from './server/loopback.ts'
