import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, MediaError } from '@mediakeep/core'
import { type BatchPart, type PreparedText, prepareText } from './connection/batch.ts'
import { type Connection, type ConnectOptions, connect } from './connection/connect.ts'
import type { PostgresPool } from './connection/pool.ts'
import { type Answer, type Answers, type Statement, sql } from './connection/statement.ts'
import { catalogError, causeOf, isRetried, isWrongPrepared } from './errors.ts'

export interface Transaction {
  /** The database's time as of the last `run`, which it was told after its locks were taken. */
  readonly nowMs: number
  /** Runs these in order, in one round trip. */
  run<const Statements extends readonly Statement<unknown>[]>(
    ...statements: Statements
  ): Promise<Answers<Statements>>
  /** The same, and commits in the same round trip. Nothing may follow. */
  commit<const Statements extends readonly Statement<unknown>[]>(
    ...statements: Statements
  ): Promise<Answers<Statements>>
  /** As `commit`. @returns what the last of them gives. */
  commitAndRead<Row>(statements: readonly Statement<unknown>[], last: Statement<Row>): Promise<readonly Row[]>
}

export interface TransactOptions {
  /** False saves the wait for the disk: a crash of the server may lose the transaction, whole. Default true. */
  readonly durable?: boolean
}

export interface Database {
  /** One statement by itself: it sees one state of the database. */
  ask<Row>(act: string, statement: Statement<Row>): Promise<readonly Row[]>
  /**
   * Runs `work` in a transaction, again from its start when another came between. What it does not commit is undone.
   * @throws MediaError, also for what the database or the driver threw
   */
  transact<T>(act: string, work: (tx: Transaction) => Promise<T>, options?: TransactOptions): Promise<T>
}

export interface DatabaseOptions extends ConnectOptions {
  readonly schema: string
  readonly isolation: 'read committed' | 'serializable'
  readonly prepare: boolean
  /** Takes the place of the database's clock: tests own time. */
  readonly clock: Pick<Clock, 'now'> | undefined
}

/** With the waits below an attempt has some three seconds to come through. */
const MAX_ATTEMPTS = 16
const FIRST_WAIT_MS = 4
const LONGEST_WAIT_MS = 250

const CLOCK = sql<number>('SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint')
const ASYNCHRONOUS = sql('SET LOCAL synchronous_commit TO OFF')
const COMMIT = sql('COMMIT')

export function createDatabase(pool: PostgresPool, options: DatabaseOptions): Database {
  const begin = sql(`BEGIN ISOLATION LEVEL ${options.isolation}`)
  const texts = new Map<string, PreparedText>()
  let prepare = options.prepare

  const partOf = (statement: Statement<unknown>): BatchPart => {
    let prepared = texts.get(statement.text)
    if (prepared === undefined) {
      prepared = prepareText(inSchema(options.schema, statement.text))
      texts.set(statement.text, prepared)
    }
    return { prepared, statement }
  }
  const send = (
    connection: Connection,
    statements: readonly Statement<unknown>[],
  ): Promise<readonly Answer<unknown>[]> => connection.send(statements.map(partOf), { prepare })

  const transactOnce = async <T>(
    connection: Connection,
    work: (tx: Transaction) => Promise<T>,
    durable: boolean,
  ): Promise<T> => {
    let state: 'fresh' | 'open' | 'ended' = 'fresh'
    let nowMs: number | undefined
    const opening = (): readonly Statement[] => {
      if (state === 'ended') throw new Error('a transaction that has ended is used')
      if (state === 'open') return []
      state = 'open'
      return durable ? [begin] : [begin, ASYNCHRONOUS]
    }
    const commit = async (statements: readonly Statement<unknown>[]): Promise<readonly Answer<unknown>[]> => {
      const before = opening()
      const answers = await send(connection, [...before, ...statements, COMMIT])
      state = 'ended'
      return answers.slice(before.length, -1)
    }
    const tx: Transaction = {
      get nowMs() {
        if (nowMs === undefined) throw new Error('the time of a transaction is known after its first run')
        return nowMs
      },
      async run<Statements extends readonly Statement<unknown>[]>(...statements: Statements) {
        const before = opening()
        const answers = await send(connection, [...before, ...statements, CLOCK])
        nowMs = options.clock?.now() ?? Number(answers.at(-1)?.rows[0])
        return answersOf<Statements>(answers.slice(before.length, -1))
      },
      commit: async <Statements extends readonly Statement<unknown>[]>(...statements: Statements) =>
        answersOf<Statements>(await commit(statements)),
      async commitAndRead<Row>(statements: readonly Statement<unknown>[], last: Statement<Row>) {
        const [answer] = answersOf<[typeof last]>((await commit([...statements, last])).slice(-1))
        return answer.rows
      },
    }
    try {
      return await work(tx)
    } finally {
      if (isOpen(state)) await connection.rollBack()
    }
  }

  const retried = async <T>(act: string, attempt: (connection: Connection) => Promise<T>): Promise<T> => {
    for (let attempts = 1; ; attempts++) {
      try {
        const connection = await connect(pool, options)
        try {
          return await attempt(connection)
        } finally {
          connection.release()
        }
      } catch (error) {
        if (!isRetried(error)) throw catalogError(act, error)
        // A pooler gives each transaction another server connection: nothing prepared lasts there.
        if (isWrongPrepared(error)) prepare = false
        if (attempts >= MAX_ATTEMPTS)
          throw new MediaError(
            'MEDIA_BUSY',
            `postgres: cannot ${act}, others came between ${attempts} times; try again`,
            { reason: 'catalog-busy', cause: causeOf(error) },
          )
      }
      // A random part of the wait, so that those who met do not meet again.
      await sleep(Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempts))
    }
  }

  return {
    ask: (act, statement) =>
      retried(act, async (connection) => {
        const [answer] = answersOf<[typeof statement]>(await send(connection, [statement]))
        return answer.rows
      }),
    transact: (act, work, { durable = true } = {}) =>
      retried(act, (connection) => transactOnce(connection, work, durable)),
  }
}

/** Puts the schema before each table. */
export function inSchema(schema: string, text: string): string {
  return text.replace(/@(\w+)/g, (_, table: string) => `${quoteSchema(schema)}.${table}`)
}

export function quoteSchema(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`
}

/** There is an answer for each statement, or an error for all of them. */
function answersOf<Statements extends readonly Statement<unknown>[]>(
  answers: readonly Answer<unknown>[],
): Answers<Statements> {
  return answers as Answers<Statements>
}

/** Asked for at the end: what the work did with it the compiler does not see. */
function isOpen(state: string): boolean {
  return state === 'open'
}
