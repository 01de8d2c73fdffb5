import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createDatabase } from '../database.ts'
import type { SqliteConnection, SqliteDriver } from '../driver.ts'
import { catalogError } from '../errors.ts'
import { migrate } from '../migrate.ts'
import { connect, retryWhileBusy } from './connect.ts'
import { createReservedCommit } from './full-disk.ts'
import { createGroupCommit, takeGroup, type WaitingCall } from './group-commit.ts'
import type { AnswersMessage, CallsMessage, ThreadSetup } from './protocol.ts'
import { createReserve, type Reserve } from './reserve.ts'

/** The one writer: owns the only connection of this process that may write. */
export function startWriter(port: MessagePort, setup: ThreadSetup, driver: SqliteDriver): void {
  const reserve = createReserve(setup.file)
  const connection = openOnFullDisk(setup, driver, reserve)
  const database = createDatabase(connection)
  const commit = createReservedCommit(database, reserve, createGroupCommit(database))
  const answer = (message: AnswersMessage): void => port.postMessage(message)

  port.on('message', (first: CallsMessage) => {
    const queue: WaitingCall[] = []
    let closing = false
    const take = (message: CallsMessage): void => {
      if (message.type === 'close') closing = true
      else for (const call of message.calls) queue.push({ call, offsetMs: message.offsetMs })
    }
    take(first)
    for (;;) {
      // What came while the last group waited for the disk joins the next.
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
        take(next.message as CallsMessage)
      if (queue.length === 0) break
      // The quick ones first: whoever staged can write its bytes while the others wait for the disk.
      for (const durable of [false, true]) {
        const group = takeGroup(queue, durable, setup.groupCommit ? undefined : 1)
        if (group.length > 0) answer({ type: 'answers', answers: commit(group) })
      }
    }
    if (!closing) return
    try {
      connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // Another process reads or writes: the log stays, and whoever is last folds it in.
    }
    connection.close()
    answer({ type: 'closed' })
    port.close()
  })
  answer({ type: 'opened' })
}

/** Opening makes the log and its index anew: on a full disk with the room of the reserve. */
function openOnFullDisk(setup: ThreadSetup, driver: SqliteDriver, reserve: Reserve): SqliteConnection {
  try {
    return openForWriting(setup, driver)
  } catch (error) {
    if (catalogError('open', error).code !== 'MEDIA_NO_SPACE') throw error
    reserve.release()
    return openForWriting(setup, driver)
  }
}

function openForWriting({ file, busyMs }: ThreadSetup, driver: SqliteDriver): SqliteConnection {
  return retryWhileBusy(busyMs, () => {
    const opened = connect(driver, file, { readOnly: false, busyMs })
    try {
      migrate(opened)
      return opened
    } catch (error) {
      opened.close()
      throw error
    }
  })
}
