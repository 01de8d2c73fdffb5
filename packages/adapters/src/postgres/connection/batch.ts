import { createHash } from 'node:crypto'
import type { SubmittedQuery, WireConnection } from './pool.ts'
import { type Answer, readRow, type Statement } from './statement.ts'

/** A statement whose tables have their schema. */
export interface PreparedText {
  readonly text: string
  /** Under which the server knows it; the same text has the same name. */
  readonly name: string
}

export function prepareText(text: string): PreparedText {
  return { text, name: `mediakeep_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}` }
}

export interface BatchPart {
  readonly prepared: PreparedText
  readonly statement: Statement<unknown>
}

/**
 * After so many batches a connection prepares its statements again. The server keeps the plan of a prepared statement, also
 * one that it made while the tables were empty, and would read them whole when they have grown.
 */
const BATCHES_OF_A_PLAN = 1_000

/** What the server of a connection knows by name. */
interface PreparedNames {
  readonly names: Set<string>
  batches: number
}

const preparedNames = new WeakMap<WireConnection, PreparedNames>()

function namesOf(connection: WireConnection): Set<string> {
  let prepared = preparedNames.get(connection)
  if (prepared === undefined) {
    prepared = { names: new Set(), batches: 0 }
    preparedNames.set(connection, prepared)
  }
  prepared.batches += 1
  if (prepared.batches % BATCHES_OF_A_PLAN === 0) prepared.names.clear()
  return prepared.names
}

/** A batch on its way, as `pg` sees it. */
export interface Batch extends SubmittedQuery {
  readonly parts: readonly BatchPart[]
}

/**
 * Statements that travel together: one message to the server, one answer, whatever their number. The server runs them
 * one after another, each on the state that the one before left; when one fails it skips the rest.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export function createBatch(
  parts: readonly BatchPart[],
  options: { readonly prepare: boolean },
  settle: (error: unknown, answers: readonly Answer<unknown>[]) => void,
): Batch {
  const answers: Answer<unknown>[] = []
  const added: string[] = []
  let names: Set<string> | undefined
  let rows: unknown[] = []
  let unread: unknown
  const answered = (count: number): void => {
    answers.push({ rows, count })
    rows = []
  }

  return {
    parts,
    callback: (error) => settle(error, answers),
    submit(connection) {
      names = namesOf(connection)
      connection.stream.cork?.()
      try {
        for (const { prepared, statement } of parts) {
          const name = options.prepare ? prepared.name : ''
          if (name === '' || !names.has(name)) {
            // The server may have it: from a batch that failed, or with an old plan. Closing one it has not is no error.
            if (name !== '') connection.close({ type: 'S', name })
            connection.parse({ name, text: prepared.text })
            if (name !== '') {
              names.add(name)
              added.push(name)
            }
          }
          connection.bind({ statement: name, values: statement.values })
          connection.execute({ portal: '' })
        }
      } finally {
        connection.sync()
        connection.stream.uncork?.()
      }
      return null
    },
    handleRowDescription() {},
    handleDataRow({ fields }) {
      try {
        rows.push(readRow(fields))
      } catch (error) {
        unread ??= error
      }
    },
    handleCommandComplete: ({ text }) => answered(Number(/\d+$/.exec(text)?.[0] ?? 0)),
    handleEmptyQuery: () => answered(0),
    handlePortalSuspended() {},
    handleCopyInResponse: (connection) => connection.sendCopyFail('no statement of ours copies'),
    handleCopyData() {},
    handleError(error) {
      for (const name of added) names?.delete(name)
      this.callback(error)
    },
    handleReadyForQuery() {
      this.callback(unread)
    },
  }
}
