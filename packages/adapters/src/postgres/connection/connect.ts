import { MediaError } from '@mediakeep/core'
import { causeOf, isConnectionLost } from '../errors.ts'
import { type BatchPart, createBatch } from './batch.ts'
import type { PostgresClient, PostgresPool } from './pool.ts'
import type { Answer } from './statement.ts'

/** A connection of the pool for one transaction. */
export interface Connection {
  /** One round trip. */
  send(
    parts: readonly BatchPart[],
    options: { readonly prepare: boolean },
  ): Promise<readonly Answer<unknown>[]>
  rollBack(): Promise<void>
  /** Back to the pool; a connection that failed is closed. */
  release(): void
}

export interface ConnectOptions {
  /** How long to wait for a connection, and for each answer. */
  readonly acquireTimeoutMs: number
  readonly answerTimeoutMs: number
}

/** @throws MediaError MEDIA_BUSY `no-connection` when the pool gives none in time; what the pool throws. */
export async function connect(pool: PostgresPool, options: ConnectOptions): Promise<Connection> {
  const client = await acquire(pool, options)
  let isLost = false
  const lose = (): void => {
    isLost = true
  }
  // While a connection is lent nobody else listens, and an error nobody listens to ends the process.
  client.on('error', lose)

  const answerOf = async <T>(ask: (settle: (error: unknown, answer: T) => void) => void): Promise<T> => {
    const { promise, resolve, reject } = promiseParts<T>()
    const timer = setTimeout(() => reject(slowError(options.answerTimeoutMs)), options.answerTimeoutMs)
    try {
      ask((error, answer) => (error == null ? resolve(answer) : reject(error)))
      return await promise
    } catch (error) {
      if (isConnectionLost(error)) lose()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    send: (parts, given) =>
      answerOf<readonly Answer<unknown>[]>((settle) => client.query(createBatch(parts, given, settle))),
    async rollBack() {
      if (isLost) return
      try {
        await answerOf<unknown>((settle) => {
          client.query('ROLLBACK').then(
            (answer) => settle(undefined, answer),
            (error: unknown) => settle(error, undefined),
          )
        })
      } catch {
        // The server undoes what was not committed when the connection ends.
        lose()
      }
    },
    release() {
      client.release(isLost)
      // Not before: the pool listens from here on.
      client.removeListener('error', lose)
    },
  }
}

/** A client of the pool. @throws MediaError MEDIA_BUSY `no-connection`; what the pool throws. */
export async function acquire(
  pool: PostgresPool,
  { acquireTimeoutMs: timeoutMs }: Pick<ConnectOptions, 'acquireTimeoutMs'>,
): Promise<PostgresClient> {
  const { promise: late, reject } = promiseParts<never>()
  const timer = setTimeout(
    () =>
      reject(
        new MediaError(
          'MEDIA_BUSY',
          `postgres: the pool gave no connection within ${timeoutMs} ms; use a larger pool or shorter transactions`,
          { reason: 'no-connection' },
        ),
      ),
    timeoutMs,
  )
  const connecting = pool.connect()
  try {
    const client = await Promise.race([connecting, late])
    if (client.pipeline !== true) return client
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      'postgres: clients with `pipeline` take no batches; make the pool without it, a transaction travels in one message as it is',
      { reason: 'pool-pipelines' },
    )
  } catch (error) {
    // One that comes too late, or is of no use, goes back unused.
    connecting.then(
      (client) => client.release(),
      () => undefined,
    )
    if (error instanceof Error && error.message === 'timeout exceeded when trying to connect')
      throw new MediaError(
        'MEDIA_BUSY',
        'postgres: all connections of the pool are in use; use a larger pool',
        {
          reason: 'no-connection',
          cause: causeOf(error),
        },
      )
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function slowError(timeoutMs: number): MediaError {
  return new MediaError(
    'MEDIA_UNAVAILABLE',
    `postgres: the database gave no answer within ${timeoutMs} ms; what was asked may have happened`,
    { reason: 'catalog-timeout' },
  )
}

function promiseParts<T>(): {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
} {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  return { promise, resolve, reject }
}
