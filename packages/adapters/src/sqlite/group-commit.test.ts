import { digestOf, newId } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDatabase, type Database } from './database.ts'
import { loadDriver, type SqliteConnection } from './driver.ts'
import { migrate } from './migrate.ts'
import { createGroupCommit, type GroupCommit } from './threads/group-commit.ts'
import type { CallMessage } from './threads/protocol.ts'

let connection: SqliteConnection
let database: Database
let commitGroup: GroupCommit
let begun: string[]

beforeEach(async () => {
  const driver = await loadDriver()
  connection = driver.open(':memory:', { readOnly: false, busyMs: 0 })
  migrate(connection)
  begun = []
  const real = createDatabase(connection)
  database = {
    ...real,
    sql(text) {
      if (text === 'BEGIN IMMEDIATE') begun.push(text)
      return real.sql(text)
    },
  }
  commitGroup = createGroupCommit(database)
})
afterEach(() => {
  connection.close()
})

const begin = (number: number, id: string): CallMessage => [
  number,
  'beginSession',
  { id, namespace: 'n', owner: 'o', ttlMs: 1_000 },
]
const run = (...calls: CallMessage[]) => commitGroup(calls.map((call) => ({ call, offsetMs: 0 })))
const sessions = () =>
  createDatabase(connection).json<number>('SELECT json(count(*)) AS json FROM sessions').get()

test('all calls that wait share one transaction', () => {
  const answers = run(begin(1, newId()), begin(2, newId()), begin(3, newId()))
  expect(answers.map((answer) => answer.slice(0, 2))).toEqual([
    [1, 'done'],
    [2, 'done'],
    [3, 'done'],
  ])
  expect(begun).toHaveLength(1)
  expect(sessions()).toBe(3)
})

test('a call that fails in a group fails alone', () => {
  const taken = newId()
  const answers = run(begin(1, taken), begin(2, taken), begin(3, newId()))
  expect(answers.map((answer) => answer[1])).toEqual(['done', 'failed', 'done'])
  expect(answers[1]?.[2]).toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'session-taken' })
  expect(sessions()).toBe(2)
})

test('calls that come after one that failed, in its group and in later ones, are committed', () => {
  const taken = newId()
  run(begin(1, taken), begin(2, taken))
  expect(run(begin(3, newId()), begin(4, newId())).map((answer) => answer[1])).toEqual(['done', 'done'])
  expect(run(begin(5, newId()), begin(6, taken), begin(7, newId())).map((answer) => answer[1])).toEqual([
    'done',
    'failed',
    'done',
  ])
  expect(sessions()).toBe(5)
})

test('a call that fails after its first write leaves nothing of itself', () => {
  const session = { id: newId(), namespace: 'n', owner: 'o', ttlMs: 1_000 }
  const stage = {
    domain: '',
    digest: digestOf(Buffer.from('a')),
    sizeBytes: 1,
    chunkSums: new Uint8Array(4),
    volumeId: 'v',
    placementId: newId(),
    key: 'k',
  }
  run([1, 'stagePlacement', { ...stage, session }])
  const other = { ...stage, digest: digestOf(Buffer.from('b')), session: { ...session, id: newId() } }
  const answers = run([2, 'stagePlacement', other], begin(3, newId()))
  expect(answers.map((answer) => answer[1])).toEqual(['failed', 'done'])
  expect(createDatabase(connection).json('SELECT json(count(*)) AS json FROM blobs').get()).toBe(1)
  expect(run([4, 'stagePlacement', other])[0]?.[1]).toBe('failed')
  expect(createDatabase(connection).json('SELECT json(count(*)) AS json FROM blobs').get()).toBe(1)
})

interface Staged {
  readonly session: { readonly id: string; readonly fence: number }
  readonly blobId: string
}
const stageOf = (body: string) => {
  const placementId = newId()
  const session = { id: newId(), namespace: 'n', owner: 'o', ttlMs: 1_000 }
  return {
    session,
    domain: '',
    digest: digestOf(Buffer.from(body)),
    sizeBytes: 100,
    chunkSums: new Uint8Array(4),
    volumeId: 'v',
    placementId,
    key: `k.${placementId}`,
  }
}
const commitOf = (number: number, placementId: string, { session, blobId }: Staged): CallMessage => [
  number,
  'commitContent',
  {
    session: { id: session.id, fence: session.fence },
    blobId,
    placement: { id: placementId, storedBytes: 100 },
    media: { newId: newId(), namespace: 'n', owner: 'o' },
    content: { contentType: 'image/png', filename: 'a.png', facts: {}, state: 'active' },
  },
]
const staged = (number: number, input: ReturnType<typeof stageOf>): Staged => {
  const output = run([number, 'stagePlacement', input])[0]?.[2]
  return output as Staged
}

test('a limit counts what calls before it in the same group have stored', () => {
  const input = stageOf('a')
  const put = commitOf(2, input.placementId, staged(1, input))
  const reservations = [{ subject: { owner: 'o' }, bytes: 1, limitBytes: 100 }]
  const begun: CallMessage = [
    3,
    'beginSession',
    { id: newId(), namespace: 'n', owner: 'o', ttlMs: 1, reservations },
  ]
  const answers = run(put, begun)
  expect(answers.map((answer) => answer[1])).toEqual(['done', 'failed'])
  expect(answers[1]?.[2]).toMatchObject({ code: 'MEDIA_QUOTA' })
})

test('a commit is refused when another writer has ended its session', () => {
  const input = stageOf('a')
  const { session, blobId } = staged(1, input)
  createGroupCommit(database)([{ call: [2, 'endSession', { session }], offsetMs: 0 }])
  const answer = run(commitOf(3, input.placementId, { session, blobId }))[0]
  expect(answer?.[2]).toMatchObject({
    code: 'MEDIA_LEASE_LOST',
    message: expect.stringContaining('has ended'),
  })
  expect(createDatabase(connection).json('SELECT json(count(*)) AS json FROM media').get()).toBe(0)
})

test('a commit knows that another writer has made the same bytes live', () => {
  const [ours, theirs] = [stageOf('a'), stageOf('a')]
  const mine = staged(1, ours)
  const other = createGroupCommit(database)
  const answers = other([{ call: [2, 'stagePlacement', theirs], offsetMs: 0 }])
  other([{ call: commitOf(3, theirs.placementId, answers[0]?.[2] as Staged), offsetMs: 0 }])
  expect(run(commitOf(4, ours.placementId, mine))[0]?.[2]).toMatchObject({ redundant: true })
  const live = "SELECT json_group_array(key) AS json FROM placements WHERE state = 'live'"
  expect(createDatabase(connection).json(live).get()).toEqual([theirs.key])
})

test('when the COMMIT fails every call of the group is rejected and nothing happened', () => {
  const real = database
  let isFull = true
  commitGroup = createGroupCommit({
    ...real,
    sql(text) {
      if (isFull && text === 'COMMIT')
        throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
      return real.sql(text)
    },
  })
  const answers = run(begin(1, newId()), begin(2, newId()))
  expect(answers.map((answer) => [answer[1], (answer[2] as { code: string }).code])).toEqual([
    ['failed', 'MEDIA_NO_SPACE'],
    ['failed', 'MEDIA_NO_SPACE'],
  ])
  isFull = false
  expect(sessions()).toBe(0)
  expect(run(begin(3, newId()))[0]?.[1]).toBe('done')
})

test('only a group that promises durability is synced', () => {
  const level = () =>
    connection.prepare<{ readonly synchronous: number }>('PRAGMA synchronous').get()?.synchronous
  run(begin(1, newId()))
  expect(level()).toBe(1)
  run(begin(2, newId()), [3, 'registerVolume', { id: 'v', tier: 't', layout: 1 }])
  expect(level()).toBe(2)
  run(begin(4, newId()))
  expect(level()).toBe(1)
})
