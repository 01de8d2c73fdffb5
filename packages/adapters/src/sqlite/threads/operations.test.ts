import { expect, test } from 'vitest'
import { isDurableWrite } from './operations.ts'

const begin = { id: 's', namespace: 'n', owner: 'o', ttlMs: 1 }
const session = { id: 's', fence: 1 }
const keep = { state: 'aborted', declared: {}, ttlMs: 1 }

test.each([
  ['beginSession', { ...begin, upload: { state: 'created' } }],
  ['extendSession', { session, to: { leaseMs: 0, offsetBytes: 2 } }],
  ['extendSession', { session, to: { state: 'receiving' } }],
  ['extendSession', { session, to: { declared: {} } }],
  ['endSession', { session, keep }],
  ['commitContent', {}],
] as const)('%s outlives a power cut for %j', (name, input) => {
  expect(isDurableWrite(name, input)).toBe(true)
})

test.each([
  ['extendSession', { session, to: { leaseMs: 0 } }],
  ['extendSession', { session, to: { state: 'receiving', declared: {}, isPassing: true } }],
  ['claimSession', { id: 's', claim: { leaseMs: 1 } }],
] as const)('%s saves the sync for %j: a power cut ends whoever depends on it', (name, input) => {
  expect(isDurableWrite(name, input)).toBe(false)
})

test.each([
  ['beginSession', begin],
  ['extendSession', { session, to: { ttlMs: 1, offsetBytes: 2 } }],
  ['endSession', { session }],
  ['stagePlacement', {}],
] as const)('%s saves the sync for %j: a put that was not acknowledged may be lost', (name, input) => {
  expect(isDurableWrite(name, input)).toBe(false)
})
