import { MediaError } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { statesError } from './errors.ts'

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' })

test('what Redis says of a passing state is states-unreachable, and may be tried again', () => {
  for (const message of [
    'LOADING Redis is loading the dataset in memory',
    'CLUSTERDOWN The cluster is down',
    "READONLY You can't write against a read only replica. script: 1, on @user_script:2.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Redis is configured to save RDB snapshots',
    'MASTERDOWN Link with MASTER is down',
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script.',
    'TRYAGAIN Multiple keys request during rehashing of slot',
  ]) {
    const error = statesError('read states', reply(message))
    expect(error, message).toMatchObject({
      code: 'MEDIA_UNAVAILABLE',
      reason: 'states-unreachable',
      retryable: true,
    })
    expect(error.message).toContain(`(${message.split(' ')[0]})`)
  }
})

test('connections that fail are states-unreachable, by the code alone', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:6379'), { code: 'ECONNREFUSED' })
  const inCluster = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: refused })
  for (const error of [refused, inCluster, new Error('Connection is closed.'), 'no error at all']) {
    const told = statesError('read states', error)
    expect(told).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'states-unreachable' })
    expect(told.message + String(told.cause)).not.toContain('10.0.0.1')
  }
  expect(statesError('read states', inCluster).message).toContain('ECONNREFUSED')
})

test('logins and rights that are refused, and commands, are told apart; nothing of the commands is shown', () => {
  const secret = { command: { name: 'auth', args: ['media', 's3cret'] } }
  for (const [message, reason] of [
    ['WRONGPASS invalid username-password pair or user is disabled.', 'states-refused'],
    ['NOAUTH Authentication required.', 'states-refused'],
    ["NOPERM this user has no permissions to run the 'eval' command", 'states-refused'],
    ['Ready check failed: NOAUTH Authentication required.', 'states-refused'],
    ["ERR unknown command 'EVALSHA'", 'states-failed'],
  ] as const) {
    const told = statesError('claim a lease', Object.assign(reply(message), secret))
    expect(told, message).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason })
    expect(JSON.stringify([told.message, told.cause, Object.entries(told.cause ?? {})])).not.toContain(
      's3cret',
    )
  }
})

test('errors of ours pass untouched', () => {
  const ours = new MediaError('MEDIA_CLOSED', 'states: closed')
  expect(statesError('read states', ours)).toBe(ours)
})
