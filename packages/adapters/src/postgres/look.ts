import { randomBytes } from 'node:crypto'
import type { Catalog } from '@mediakeep/core'
import { postgresCatalog } from './catalog.ts'
import { openPool } from './connection/source.ts'
import { dropSchema, lookAtSchema } from './migrate.ts'
import { ACQUIRE_TIMEOUT_MS, ANSWER_TIMEOUT_MS, type PostgresSource, SCHEMA } from './options.ts'

const TIMEOUTS = { acquireTimeoutMs: ACQUIRE_TIMEOUT_MS, answerTimeoutMs: ANSWER_TIMEOUT_MS }

/**
 * Whether a database holds a catalog that this release can use as it is; `older` ones are brought forward when they are opened.
 * Changes nothing.
 * @throws MediaError as `open` of the catalog does
 */
export async function lookAtPostgresCatalog(
  options: PostgresSource & { readonly schema?: string },
): Promise<'missing' | 'older' | 'ready'> {
  const { pool, close } = await openPool(options)
  try {
    return await lookAtSchema(pool, options.schema ?? SCHEMA, TIMEOUTS)
  } finally {
    await close()
  }
}

/**
 * Runs `work` with a catalog in a schema of its own, which is gone afterwards: tries a database without touching what is in it.
 * The user needs CREATE on the database.
 * @throws MediaError MEDIA_UNAVAILABLE `catalog-not-writable` without that right; what `work` throws
 */
export async function withScratchCatalog<T>(
  source: PostgresSource,
  work: (catalog: Catalog) => Promise<T>,
): Promise<T> {
  const { pool, close } = await openPool(source)
  const schema = `mediakeep_scratch_${randomBytes(8).toString('hex')}`
  const catalog = postgresCatalog({ pool, schema })
  try {
    const result = await work(catalog)
    await catalog.close()
    await dropSchema(pool, schema, TIMEOUTS)
    return result
  } catch (error) {
    await catalog.close()
    // The first failure is the one to tell; without a connection nothing can be dropped anyway.
    await dropSchema(pool, schema, TIMEOUTS).catch(() => undefined)
    throw error
  } finally {
    await close()
  }
}
