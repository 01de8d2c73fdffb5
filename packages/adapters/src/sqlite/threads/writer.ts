import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createDatabase } from '../database.ts'
import type { SqliteDriver } from '../driver.ts'
import { migrate } from '../migrate.ts'
import { connect, retryWhileBusy } from './connect.ts'
import { createGroupCommit, takeGroup, type WaitingCall } from './group-commit.ts'
import type { AnswersMessage, CallsMessage, ThreadSetup } from './protocol.ts'

/** The one writer: owns the only connection of this process that may write. */
export function startWriter(port: MessagePort, setup: ThreadSetup, driver: SqliteDriver): void {
  const connection = retryWhileBusy(setup.busyMs, () => {
    const opened = connect(driver, setup.file, { readOnly: false, busyMs: setup.busyMs })
    try {
      migrate(opened)
      return opened
    } catch (error) {
      opened.close()
      throw error
    }
  })
  const commitGroup = createGroupCommit(createDatabase(connection))
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
        if (group.length > 0) answer({ type: 'answers', answers: commitGroup(group) })
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
