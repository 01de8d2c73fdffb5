import { expect, test } from 'vitest'
import { startThread } from './client.ts'
import type { ThreadSetup } from './protocol.ts'

const SETUP: ThreadSetup = {
  role: 'writer',
  file: 'unused',
  driver: 'better-sqlite3',
  groupCommit: true,
  busyMs: 0,
}

const threadOf = (program: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${program}`)}`,
  )

test('when the thread dies, calls under way and later ones are MEDIA_UNAVAILABLE, and close() ends', async () => {
  const dies = threadOf(
    "parentPort.on('message', () => { throw new Error('boom') }); parentPort.postMessage({ type: 'opened' })",
  )
  const thread = await startThread(SETUP, () => 0, dies)
  const wanted = { code: 'MEDIA_UNAVAILABLE', reason: 'catalog-thread-ended' }
  const calls = await Promise.allSettled([thread.call('ping', undefined), thread.call('markBad', 'x')])
  expect(calls.map((call) => call.status === 'rejected' && call.reason)).toMatchObject([wanted, wanted])
  await expect(thread.call('ping', undefined)).rejects.toMatchObject(wanted)
  await thread.close()
})

test('a thread that dies before it is open refuses the start', async () => {
  const dies = threadOf("throw new Error('boom')")
  await expect(startThread(SETUP, () => 0, dies)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
})

test('a call that cannot cross a thread fails alone', async () => {
  const echoes = threadOf(`
    parentPort.on('message', (message) => {
      if (message.type === 'close') return parentPort.close()
      parentPort.postMessage({ type: 'answers', answers: message.calls.map(([n]) => [n, 'done', n]) })
    })
    parentPort.postMessage({ type: 'opened' })`)
  const thread = await startThread(SETUP, () => 0, echoes)
  const calls = await Promise.allSettled([
    thread.call('ping', undefined),
    thread.call('markBad', (() => {}) as never),
    thread.call('ping', undefined),
  ])
  expect(calls).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'MEDIA_BAD_INPUT', reason: 'not-plain-data' } },
    { status: 'fulfilled' },
  ])
  await thread.close()
})

test('calls of one turn travel in one message', async () => {
  const counts = threadOf(`
    let messages = 0
    parentPort.on('message', (message) => {
      if (message.type === 'close') return parentPort.close()
      messages++
      parentPort.postMessage({ type: 'answers', answers: message.calls.map(([n]) => [n, 'done', messages]) })
    })
    parentPort.postMessage({ type: 'opened' })`)
  const thread = await startThread(SETUP, () => 0, counts)
  const answers = await Promise.all(Array.from({ length: 50 }, () => thread.call('ping', undefined)))
  expect(new Set<unknown>(answers)).toEqual(new Set([1]))
  await thread.close()
})
