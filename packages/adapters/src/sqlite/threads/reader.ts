import type { MessagePort } from 'node:worker_threads'
import { MediaError } from '@mediakeep/core'
import { createDatabase, type Database } from '../database.ts'
import type { SqliteDriver } from '../driver.ts'
import { catalogError, errorToWire } from '../errors.ts'
import { listCopies, listThinBlobs } from '../reads/copies.ts'
import { exportMedia } from '../reads/export.ts'
import { listExternal } from '../reads/external.ts'
import { readLedger } from '../reads/ledger.ts'
import { linkedTexts, listTexts } from '../reads/list.ts'
import { listMoves } from '../reads/moves.ts'
import { planGarbage } from '../reads/plan.ts'
import { recheckPage } from '../reads/recheck.ts'
import { unknownKeys } from '../reads/unknown-keys.ts'
import { readUsage } from '../reads/usage.ts'
import { listUnscanned } from '../reads/verdicts.ts'
import { connect, retryWhileBusy } from './connect.ts'
import type {
  AnswerMessage,
  AnswersMessage,
  CallMessage,
  CallsMessage,
  OperationName,
  ReadOperations,
  ThreadSetup,
} from './protocol.ts'

const READS: {
  readonly [Name in keyof ReadOperations]: (
    database: Database,
    input: ReadOperations[Name]['input'],
  ) => ReadOperations[Name]['output']
} = {
  list: (database, { namespace, query }) => listTexts(database, namespace, query),
  linked: (database, { namespace, targets, limitPerTarget }) =>
    linkedTexts(database, namespace, targets, limitPerTarget),
  usage: (database, { namespace, by }) => readUsage(database, namespace, by),
  planGarbage,
  recheckPage,
  unknownKeys,
  listCopies,
  listThinBlobs,
  listUnscanned,
  listMoves,
  listExternal,
  ledger: readLedger,
  exportMedia,
}

/** Reads that may take long, on a connection of their own that cannot write. */
export function startReader(port: MessagePort, setup: ThreadSetup, driver: SqliteDriver): void {
  const connection = retryWhileBusy(setup.busyMs, () =>
    connect(driver, setup.file, { readOnly: true, busyMs: setup.busyMs }),
  )
  const database = createDatabase(connection)
  const answer = (message: AnswersMessage): void => port.postMessage(message)
  port.on('message', (message: CallsMessage) => {
    if (message.type === 'calls') {
      for (const call of message.calls) answer({ type: 'answers', answers: [runRead(database, call)] })
      return
    }
    connection.close()
    answer({ type: 'closed' })
    port.close()
  })
  answer({ type: 'opened' })
}

function runRead(database: Database, [number, name, input]: CallMessage): AnswerMessage {
  try {
    if (!isRead(name)) throw new MediaError('MEDIA_UNSUPPORTED', `sqlite: ${name} is no read`)
    // The name decides the type of the input; the wire cannot carry that.
    const read = READS[name] as (database: Database, input: unknown) => unknown
    return [number, 'done', read(database, input)]
  } catch (error) {
    return [number, 'failed', errorToWire(catalogError(name, error))]
  }
}

function isRead(name: OperationName): name is keyof ReadOperations {
  return Object.hasOwn(READS, name)
}
