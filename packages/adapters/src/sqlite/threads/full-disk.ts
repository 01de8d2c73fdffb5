import { MediaError } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { errorToWire } from '../errors.ts'
import type { GroupCommit, WaitingCall } from './group-commit.ts'
import { isWrite, WRITES } from './operations.ts'
import type { AnswerMessage, CallMessage } from './protocol.ts'
import type { Reserve } from './reserve.ts'

/** Rows of a step that frees room, when one with more found none to write to. */
const MAX_ROWS_WHEN_FULL = 8
/** How long folding the log may wait for readers of other processes. */
const FOLD_BUSY_MS = 100

/**
 * Group commit that works on a full disk too. The log is folded into the file then, with the room of the reserve, and
 * calls that free room are done again with what that gives, at last for fewer rows at once. The others are, too, when
 * there is room for a new reserve beside them; else they are refused with MEDIA_NO_SPACE, as all of their kind until
 * there is.
 */
export function createReservedCommit(
  database: Database,
  reserve: Reserve,
  commitGroup: GroupCommit,
): GroupCommit {
  const commitStarved = (taken: readonly WaitingCall[], first: readonly AnswerMessage[]) => {
    let answers = first
    const again = (calls: readonly WaitingCall[]): void => {
      if (calls.length > 0) answers = merge(answers, commitGroup(calls))
    }
    const starved = starvedOf(taken, answers)
    if (starved.length === 0) return answers
    reserve.release()
    foldLog(database)
    again(starved.filter(frees))
    again(starvedOf(starved, answers).filter(frees).flatMap(smaller))
    if (!reserve.isSpent()) again(starved.filter((one) => !frees(one)))
    return answers
  }
  return (group) => {
    if (!reserve.isSpent()) return commitStarved(group, commitGroup(group))
    const taken = group.filter(frees)
    const refused = group.filter((one) => !frees(one)).map(refuse)
    return taken.length === 0 ? refused : [...refused, ...commitStarved(taken, commitGroup(taken))]
  }
}

/** Its pages go into the file, mostly into place, and its own room back to the disk. */
function foldLog(database: Database): void {
  const { connection } = database
  const before = connection.prepare<{ readonly timeout: number }>('PRAGMA busy_timeout').get()
  try {
    connection.exec(`PRAGMA busy_timeout = ${FOLD_BUSY_MS}`)
    connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // The file may need more room than there is, or somebody reads for long: the reserve alone must do.
  } finally {
    connection.exec(`PRAGMA busy_timeout = ${before?.timeout ?? FOLD_BUSY_MS}`)
  }
}

function frees({ call: [, name] }: WaitingCall): boolean {
  return isWrite(name) && WRITES[name].frees === true
}

function starvedOf(calls: readonly WaitingCall[], answers: readonly AnswerMessage[]): readonly WaitingCall[] {
  const numbers = new Set<number>()
  for (const [number, type, error] of answers)
    if (type === 'failed' && error.reason === 'catalog-full') numbers.add(number)
  return numbers.size === 0 ? [] : calls.filter(({ call: [number] }) => numbers.has(number))
}

/** The same call for fewer rows, where it says how many. */
function smaller({ call: [number, name, input], offsetMs }: WaitingCall): readonly WaitingCall[] {
  if (typeof input !== 'object' || input === null || !('limit' in input)) return []
  const call: CallMessage = [number, name, { ...input, limit: MAX_ROWS_WHEN_FULL }]
  return [{ call, offsetMs }]
}

/** Later answers of a call stand for earlier ones. */
function merge(answers: readonly AnswerMessage[], later: readonly AnswerMessage[]): readonly AnswerMessage[] {
  const numbers = new Set(later.map(([number]) => number))
  return [...answers.filter(([number]) => !numbers.has(number)), ...later]
}

function refuse({ call: [number, name] }: WaitingCall): AnswerMessage {
  const error = new MediaError(
    'MEDIA_NO_SPACE',
    `sqlite: cannot ${name}, the disk is full; delete media and collect garbage, or free space`,
    { reason: 'catalog-full' },
  )
  return [number, 'failed', errorToWire(error)]
}
