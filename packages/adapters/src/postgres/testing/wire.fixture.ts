import type { Pool, PoolClient } from 'pg'
import type { PostgresClient, PostgresPool, SubmittedQuery, WireConnection } from '../connection/pool.ts'

export interface WireHooks {
  /** A pool gives a connection: one attempt of a transaction. */
  lent?(attempt: number): void
  /** Before each batch is sent; it waits for this. `nth` counts from 0 within the attempt. */
  beforeBatch?(client: PoolClient, nth: number): Promise<void> | void
  /** Each statement; what is given is run in its place. `nth` counts from 0 within the attempt, attempts from 0 in all. */
  statement?(text: string, values: readonly unknown[], nth: number, attempt: number): string | undefined
  /** A batch was answered without error. True: the answer is lost on its way. */
  losesAnswer?(texts: readonly string[]): boolean
}

/** A statement that the server fails with this SQLSTATE. */
export const raising = (state: string): string =>
  `DO $$BEGIN RAISE EXCEPTION 'forced' USING ERRCODE = '${state}'; END$$`

/** Looks at, and spoils, what travels between the catalog and the server. */
export function onWire(pool: Pool, hooks: WireHooks): PostgresPool {
  let attempts = 0
  return {
    async connect() {
      const client = await pool.connect()
      const number = attempts++
      hooks.lent?.(number)
      return wiredClient(client, { hooks, number, statements: 0, batches: 0, texts: [] })
    },
  }
}

/** The catalog knows a connection by what it submits to: one for each, as long as it lives. */
const wires = new WeakMap<
  WireConnection,
  { wire: WireConnection; texts: Map<string, string>; attempt: Attempt }
>()

interface Attempt {
  readonly hooks: WireHooks
  readonly number: number
  statements: number
  batches: number
  texts: string[]
}

function wiredClient(client: PoolClient, attempt: Attempt): PostgresClient {
  const query = (query: string | SubmittedQuery): Promise<unknown> => {
    if (typeof query === 'string') return client.query(query)
    const send = (): void => {
      attempt.texts = []
      client.query(wiredQuery(query, attempt) as never)
    }
    const before = attempt.hooks.beforeBatch?.(client, attempt.batches++)
    return before === undefined ? Promise.resolve(send()) : before.then(send)
  }
  return {
    query,
    release: (error) => client.release(error),
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
  }
}

function wiredQuery(inner: SubmittedQuery, attempt: Attempt): SubmittedQuery {
  return {
    callback: (error, answers) => inner.callback(error, answers),
    submit: (connection) => inner.submit(wireOf(connection, attempt)),
    handleRowDescription: (message) => inner.handleRowDescription(message),
    handleDataRow: (message) => inner.handleDataRow(message),
    handleCommandComplete: (message) => inner.handleCommandComplete(message),
    handleEmptyQuery: () => inner.handleEmptyQuery(),
    handlePortalSuspended: () => inner.handlePortalSuspended(),
    handleCopyInResponse: (connection) => inner.handleCopyInResponse(connection),
    handleCopyData: (message) => inner.handleCopyData(message),
    handleError: (error) => inner.handleError(error),
    handleReadyForQuery() {
      if (attempt.hooks.losesAnswer?.(attempt.texts) === true)
        inner.handleError(new Error('Connection terminated unexpectedly'))
      else inner.handleReadyForQuery()
    },
  }
}

function wireOf(connection: WireConnection, attempt: Attempt): WireConnection {
  const known = wires.get(connection)
  if (known !== undefined) {
    known.attempt = attempt
    return known.wire
  }
  const texts = new Map<string, string>()
  const wire: WireConnection = {
    stream: connection.stream,
    parse(message) {
      texts.set(message.name, message.text)
      connection.parse(message)
    },
    bind(message) {
      const { attempt: current } = entry
      const text = texts.get(message.statement) ?? ''
      current.texts.push(text)
      const instead = current.hooks.statement?.(text, message.values, current.statements++, current.number)
      if (instead === undefined) return connection.bind(message)
      connection.parse({ name: '', text: instead })
      connection.bind({ statement: '', values: [] })
    },
    execute: (message) => connection.execute(message),
    close: (message) => connection.close(message),
    sync: () => connection.sync(),
    sendCopyFail: (message) => connection.sendCopyFail(message),
  }
  const entry = { wire, texts, attempt }
  wires.set(connection, entry)
  return wire
}
