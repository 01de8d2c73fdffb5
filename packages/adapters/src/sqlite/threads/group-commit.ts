import { MediaError } from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { catalogError, errorToWire } from '../errors.ts'
import { rollBack } from '../migrate.ts'
import { isWrite, WRITES } from './operations.ts'
import type { AnswerMessage, CallMessage } from './protocol.ts'

/** Most calls of one transaction: bounds how long the first of them waits, and the rollback of a failed commit. */
const MAX_GROUP = 256

/** A call with the offset of the clock it came with. */
export interface WaitingCall {
  readonly call: CallMessage
  readonly offsetMs: number
}

/**
 * Group commit. A commit that survives a power cut waits for the disk, and the disk takes as long for one as for many:
 * so all calls that wait when the thread is free share one transaction and one sync, each in a savepoint of its own.
 * A call that fails is undone alone and answered with its error. When the COMMIT fails nothing happened, for any of them.
 * Nobody is answered before the COMMIT: an answer is a promise.
 */
export function commitGroup(database: Database, waiting: readonly WaitingCall[]): readonly AnswerMessage[] {
  try {
    // The level can only change between transactions. A group without a promise saves the sync;
    // the next synced commit covers it, because the log is one file.
    setDurable(database, waiting.some(isDurable))
    database.sql('BEGIN IMMEDIATE').run()
  } catch (error) {
    return failAll(waiting, error)
  }
  const alone = waiting.length === 1
  try {
    const answers = waiting.map((one) => (alone ? runCall(database, one) : runInSavepoint(database, one)))
    if (alone && answers[0]?.[1] === 'failed') rollBack(database.connection)
    else database.sql('COMMIT').run()
    return answers
  } catch (error) {
    rollBack(database.connection)
    return failAll(waiting, error)
  }
}

/**
 * The oldest waiting calls that need a sync, or those that do not, at most `maxGroup`.
 * They are committed apart: a call that needs none would wait for the sync of whoever it travelled with, and a put
 * that waits for two syncs in a row is half as fast. Calls that wait together have no order among each other.
 */
export function takeGroup(
  queue: WaitingCall[],
  durable: boolean,
  maxGroup: number = MAX_GROUP,
): readonly WaitingCall[] {
  const group: WaitingCall[] = []
  let kept = 0
  for (const waiting of queue) {
    if (group.length < maxGroup && isDurable(waiting) === durable) group.push(waiting)
    else queue[kept++] = waiting
  }
  queue.length = kept
  return group
}

const durableNow = new WeakMap<Database, boolean>()

function setDurable(database: Database, durable: boolean): void {
  if (durableNow.get(database) === durable) return
  database.connection.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
  durableNow.set(database, durable)
}

function isDurable({ call }: WaitingCall): boolean {
  return !isWrite(call[1]) || WRITES[call[1]].durable
}

function runInSavepoint(database: Database, waiting: WaitingCall): AnswerMessage {
  database.sql('SAVEPOINT one').run()
  const answer = runCall(database, waiting)
  if (answer[1] === 'failed') database.sql('ROLLBACK TO one').run()
  database.sql('RELEASE one').run()
  return answer
}

function runCall(database: Database, { call: [number, name, input], offsetMs }: WaitingCall): AnswerMessage {
  const tx: Transaction = { ...database, nowMs: Date.now() + offsetMs }
  try {
    if (!isWrite(name)) throw new MediaError('MEDIA_UNSUPPORTED', `sqlite: ${name} is no write`)
    // The name decides the type of the input; the wire cannot carry that.
    const write = WRITES[name] as { run(tx: Transaction, input: unknown): unknown }
    return [number, 'done', write.run(tx, input)]
  } catch (error) {
    return [number, 'failed', errorToWire(catalogError(name, error))]
  }
}

function failAll(waiting: readonly WaitingCall[], error: unknown): readonly AnswerMessage[] {
  const wire = errorToWire(catalogError('commit', error))
  return waiting.map(({ call }) => [call[0], 'failed', wire])
}
