import { expect, test } from 'vitest'
import { parseScanReply, parseVersion } from './replies.ts'

test('a body is clean by the one line that says so, and by nothing that resembles it', () => {
  expect(parseScanReply('stream: OK')).toEqual({ verdict: 'clean' })
  for (const reply of [
    '',
    'OK',
    'stream: ok',
    'stream: OK ',
    ' stream: OK',
    'stream: OK\n',
    'stream: OK\nstream: OK',
    'stream: OKAY',
    'stream:OK',
    'instream: OK',
    'stream: FOUND',
    'stream:  FOUND?',
    'HTTP/1.1 200 OK',
    '+OK',
    'PONG',
    'UNKNOWN COMMAND',
  ])
    expect(parseScanReply(reply), reply).toBeUndefined()
})

test('what is found is named, without what could change a log or a page', () => {
  expect(parseScanReply('stream: Win.Test.EICAR_HDB-1 FOUND')).toEqual({
    verdict: 'infected',
    signature: 'Win.Test.EICAR_HDB-1',
  })
  expect(parseScanReply('stream: A\nB\u001b[0m\xe9 FOUND')).toEqual({
    verdict: 'infected',
    signature: 'A?B?[0m?',
  })
  expect(parseScanReply('stream: OK FOUND')).toEqual({ verdict: 'infected', signature: 'OK' })
  expect(parseScanReply('stream: Heuristics.Phishing.Email FOUND')).toMatchObject({ verdict: 'infected' })
})

test('what clamd did not look into is unscannable, not infected', () => {
  for (const [reply, reason] of [
    ['INSTREAM size limit exceeded. ERROR', 'size-limit'],
    ['stream: Heuristics.Limits.Exceeded.MaxScanSize FOUND', 'limits-exceeded'],
    ['stream: Heuristics.Limits.Exceeded.MaxFiles FOUND', 'limits-exceeded'],
    ['stream: Heuristics.Encrypted.Zip FOUND', 'encrypted'],
    ['stream: Heuristics.Encrypted.PDF FOUND', 'encrypted'],
  ] as const)
    expect(parseScanReply(reply), reply).toEqual({ verdict: 'unscannable', reason })
})

test('errors that clamd tells are told apart from what is no answer of it', () => {
  for (const reply of ["stream: Can't allocate memory ERROR", 'COMMAND READ TIMED OUT'])
    expect(parseScanReply(reply), reply).toEqual({ verdict: 'failed' })
})

test('engine and database come from the version, also where no database has a number', () => {
  expect(parseVersion('ClamAV 1.4.6/27000/Sun Nov 22 04:00:00 2026')).toEqual({
    engine: 'ClamAV 1.4.6',
    database: '27000/Sun Nov 22 04:00:00 2026',
  })
  expect(parseVersion('ClamAV 0.103.12/27000')).toEqual({ engine: 'ClamAV 0.103.12', database: '27000' })
  expect(parseVersion('ClamAV 1.4.6')).toEqual({ engine: 'ClamAV 1.4.6', database: 'unversioned' })
  for (const reply of [
    '',
    'ClamAV ',
    'Clam 1.4.6',
    'ClamAV 1.4.6/',
    'ClamAV 1.4.6/x',
    'ClamAV 1\n/2',
    'PONG',
  ])
    expect(parseVersion(reply), reply).toBeUndefined()
})
