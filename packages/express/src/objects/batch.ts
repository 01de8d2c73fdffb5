import { isMediaError, objectJson } from '@mediakeep/core'
import { z } from 'zod'
import { MAX_BATCH_KEYS } from '../defaults.ts'
import { sendJson } from '../router/answer.ts'
import { parseWith, readJson } from '../router/json-body.ts'
import { callOf, type ObjectExchange } from './exchange.ts'

const QUERY = z.strictObject({
  prefix: z.string().max(4096).optional(),
  after: z.string().min(1).max(8192).optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(1000))
    .optional(),
})
const DELETE = z.strictObject({ keys: z.array(z.string().max(4096)).max(MAX_BATCH_KEYS) })

/** GET of a bucket: one page of its objects. `after` is what the page before gave. */
export async function listObjects(exchange: ObjectExchange): Promise<void> {
  const { prefix, after, limit } = parseWith(QUERY, Object.fromEntries(new URLSearchParams(exchange.query)))
  const page = await exchange.store.list({
    ...callOf(exchange),
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { cursor: after }),
    ...(limit === undefined ? {} : { limit }),
  })
  sendJson(exchange, 200, {
    objects: page.objects.map(objectJson),
    ...(page.cursor === undefined ? {} : { after: page.cursor }),
  })
}

/** POST `?delete` of a bucket: one answer per key, in the order given. */
export async function deleteObjects(exchange: ObjectExchange): Promise<void> {
  const { keys } = await readJson(exchange, DELETE)
  const results = await exchange.store.deleteMany(keys, callOf(exchange))
  sendJson(exchange, 200, {
    results: results.map(({ key, error }) => {
      if (error === undefined) return { key }
      // No message: it may name what is behind this server.
      const code = isMediaError(error) ? error.code : 'MEDIA_UNAVAILABLE'
      const reason = isMediaError(error) ? error.reason : undefined
      return { key, error: reason === undefined ? { code } : { code, reason } }
    }),
  })
}
