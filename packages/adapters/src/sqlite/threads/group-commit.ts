import { MediaError } from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { catalogError, errorFromWire, errorToWire } from '../errors.ts'
import { rollBack } from '../migrate.ts'
import { createStagedPuts } from '../writes/staged-puts.ts'
import { createTotalChanges, type TotalChanges } from '../writes/totals.ts'
import { isDurableWrite, isWrite, WRITES } from './operations.ts'
import type { AnswerMessage, CallMessage } from './protocol.ts'

/** Most calls of one transaction: bounds how long the first of them waits, and the rollback of a failed commit. */
const MAX_GROUP = 256
/** After a group in which a call failed, so many groups expect that again. */
const CAREFUL_GROUPS = 32

/** A call with the offset of the clock it came with. */
export interface WaitingCall {
  readonly call: CallMessage
  readonly offsetMs: number
}

/** Runs all of them in one transaction and answers each. */
export type GroupCommit = (waiting: readonly WaitingCall[]) => readonly AnswerMessage[]

/**
 * Group commit. A commit that survives a power cut waits for the disk, and the disk takes as long for one as for many:
 * so all calls that wait when the thread is free share one transaction and one sync.
 * A call that fails is undone alone and answered with its error. When the COMMIT fails nothing happened, for any of them.
 * Nobody is answered before the COMMIT: an answer is a promise.
 *
 * To undo one call alone it needs a savepoint, and with savepoints SQLite copies every page before a call changes it.
 * Few calls fail. So a group runs without, and when one fails all is undone and run again, each call in a savepoint.
 */
export function createGroupCommit(database: Database): GroupCommit {
  const { connection, sql, json, jsonText } = database
  const stagedPuts = createStagedPuts()
  let isDurableNow: boolean | undefined
  let carefulGroups = 0

  const setDurable = (durable: boolean): void => {
    if (isDurableNow === durable) return
    connection.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
    isDurableNow = durable
  }

  const runCall = (
    { call: [number, name, input], offsetMs }: WaitingCall,
    totals: TotalChanges,
  ): AnswerMessage => {
    try {
      if (!isWrite(name)) throw new MediaError('MEDIA_UNSUPPORTED', `sqlite: ${name} is no write`)
      // The name decides the type of the input; the wire cannot carry that.
      const write = WRITES[name] as { run(tx: Transaction, input: unknown): unknown }
      // Each member by its name: copying them costs as much as two statements.
      const nowMs = Date.now() + offsetMs
      const tx: Transaction = { connection, sql, json, jsonText, nowMs, stagedPuts, totals }
      return [number, 'done', write.run(tx, input)]
    } catch (error) {
      return [number, 'failed', errorToWire(catalogError(name, error))]
    }
  }
  const runInSavepoint = (waiting: WaitingCall): AnswerMessage => {
    const totals = createTotalChanges()
    sql('SAVEPOINT one').run()
    const answer = runCall(waiting, totals)
    if (answer[1] === 'failed') {
      // A full disk in the middle of a statement ends the whole transaction: there is no savepoint to go back to.
      if (answer[2].reason === 'catalog-full') throw errorFromWire(answer[2])
      sql('ROLLBACK TO one').run()
    } else totals.write(database)
    sql('RELEASE one').run()
    return answer
  }

  /** `undefined` when one of several failed: all is undone. */
  const runTogether = (waiting: readonly WaitingCall[]): readonly AnswerMessage[] | undefined => {
    const totals = createTotalChanges()
    const answers: AnswerMessage[] = []
    for (const one of waiting) {
      const answer = runCall(one, totals)
      answers.push(answer)
      if (answer[1] !== 'failed') continue
      rollBack(connection)
      return waiting.length === 1 ? answers : undefined
    }
    totals.write(database)
    sql('COMMIT').run()
    return answers
  }
  const runApart = (waiting: readonly WaitingCall[]): readonly AnswerMessage[] => {
    const answers = waiting.map(runInSavepoint)
    sql('COMMIT').run()
    return answers
  }
  const transact = <Answers>(
    waiting: readonly WaitingCall[],
    run: (waiting: readonly WaitingCall[]) => Answers,
  ): Answers | readonly AnswerMessage[] => {
    try {
      // The level can only change between transactions. A group without a promise saves the sync;
      // the next synced commit covers it, because the log is one file.
      setDurable(waiting.some(isDurable))
      sql('BEGIN IMMEDIATE').run()
    } catch (error) {
      return failAll(waiting, error)
    }
    try {
      return run(waiting)
    } catch (error) {
      rollBack(connection)
      return failAll(waiting, error)
    }
  }

  return (waiting) => {
    if (carefulGroups === 0 || waiting.length === 1) {
      const answers = transact(waiting, runTogether)
      if (answers !== undefined) return answers
      carefulGroups = CAREFUL_GROUPS
    } else carefulGroups--
    return transact(waiting, runApart)
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

function isDurable({ call }: WaitingCall): boolean {
  return !isWrite(call[1]) || isDurableWrite(call[1], call[2])
}

function failAll(waiting: readonly WaitingCall[], error: unknown): readonly AnswerMessage[] {
  const wire = errorToWire(catalogError('commit', error))
  return waiting.map(({ call }) => [call[0], 'failed', wire])
}
