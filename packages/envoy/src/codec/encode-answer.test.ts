import { describe, expect, it } from 'vitest'
import type { DirectAnswer, ForwardAnswer, GateAnswer, GateFacts } from '../contracts.ts'
import { encodeAnswer } from './encode-answer.ts'
import { MALFORMED, UNANSWERED, UNWRITABLE } from './fixed-answers.ts'
import { letsThrough, type Response, readResponse } from './proto.fixture.ts'

const facts: GateFacts = { state: 'ready', ttlMs: 1_500 }

const forward = (change: Partial<ForwardAnswer> = {}): ForwardAnswer => ({
  kind: 'forward',
  requestHeaders: [],
  removeRequestHeaders: [],
  responseHeaders: [],
  replaceResponseHeaders: [],
  facts,
  ...change,
})

const direct = (change: Partial<DirectAnswer> = {}): DirectAnswer => ({
  kind: 'answer',
  status: 404,
  headers: [],
  body: '',
  facts: { state: 'missing', ttlMs: 0 },
  ...change,
})

const decode = (answer: GateAnswer): Response => readResponse(encodeAnswer(answer))
const option = (key: string, value: string, append_action: number) => ({
  header: { key, value },
  append_action,
})
const refusal = decode(UNWRITABLE)

/** A host in JavaScript gives what it likes. */
const anything = (value: unknown): GateAnswer => value as GateAnswer

describe('encodeAnswer()', () => {
  it('says a forward whole: path, headers set and removed, headers of the response, facts', () => {
    const answer = forward({
      path: '/bucket/ab/cd?X-Amz-Signature=1',
      requestHeaders: ['X-Media-State', 'ready', 'x-media-tier', 's3'],
      removeRequestHeaders: ['Authorization', 'cookie'],
      responseHeaders: ['Cache-Control', 'private'],
      replaceResponseHeaders: ['content-type', 'image/jpeg'],
      facts: { state: 'ready', reason: 'cached', tier: 's3', mediaId: 'm-1', ttlMs: 1_500 },
    })
    expect(decode(answer)).toEqual({
      status: { code: 0 },
      ok_response: {
        headers: [
          option(':path', '/bucket/ab/cd?X-Amz-Signature=1', 2),
          option('x-media-state', 'ready', 2),
          option('x-media-tier', 's3', 2),
        ],
        headers_to_remove: ['authorization', 'cookie'],
        response_headers_to_add: [
          option('cache-control', 'private', 2),
          option('content-type', 'image/jpeg', 3),
        ],
      },
      dynamic_metadata: {
        fields: {
          state: { string_value: 'ready' },
          reason: { string_value: 'cached' },
          tier: { string_value: 's3' },
          media_id: { string_value: 'm-1' },
          ttl_ms: { number_value: 1_500 },
        },
      },
    })
  })

  it('says a forward of nothing else with a status and an answer', () => {
    expect(decode(forward())).toEqual({
      status: { code: 0 },
      ok_response: {},
      dynamic_metadata: { fields: { state: { string_value: 'ready' }, ttl_ms: { number_value: 1_500 } } },
    })
  })

  it('says an answer with both codes, headers and body', () => {
    const answer = direct({
      status: 503,
      headers: ['Retry-After', '7', 'content-type', 'application/json'],
      body: '{"ä":"\u{1f600}"}',
      facts: { state: 'loading', ttlMs: Number.NaN },
    })
    expect(decode(answer)).toEqual({
      status: { code: 7 },
      denied_response: {
        status: { code: 503 },
        headers: [option('retry-after', '7', 2), option('content-type', 'application/json', 2)],
        body: '{"ä":"\u{1f600}"}',
      },
      dynamic_metadata: { fields: { state: { string_value: 'loading' }, ttl_ms: { number_value: 0 } } },
    })
  })

  it.each([199, 600, 99, 0, -1, 404.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40])(
    'makes 500 of a status of %s',
    (status) => {
      expect(decode(direct({ status })).denied_response?.status.code).toBe(500)
    },
  )

  it.each([200, 304, 404, 503, 599])('keeps a status of %s, and lets nothing through', (status) => {
    const response = decode(direct({ status }))
    expect(response.denied_response?.status.code).toBe(status)
    expect(letsThrough(response)).toBe(false)
  })

  it('encodes an answer once', () => {
    const answer = forward({ path: '/a' })
    expect(encodeAnswer(answer)).toBe(encodeAnswer(answer))
    expect(encodeAnswer(forward({ path: '/a' }))).not.toBe(encodeAnswer(answer))
  })

  it('writes bodies and lists of any size', () => {
    const body = 'ü'.repeat(100_000)
    const removed = Array.from({ length: 5_000 }, (_, index) => `x-${index}`)
    expect(decode(direct({ body })).denied_response?.body).toBe(body)
    expect(decode(forward({ removeRequestHeaders: removed })).ok_response?.headers_to_remove).toEqual(removed)
  })

  const values = [
    'a\r\nset-cookie: evil=1',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\tb',
    '\u007f',
    '\u001f',
    'é',
    '\u0100',
    '\u{1f600}',
  ]
  const names = [
    ':method',
    ':path',
    ':authority',
    'host',
    'Host',
    'content-length',
    'Transfer-Encoding',
    'connection',
  ]
  const brokenNames = ['', 'a b', 'a:b', 'a\r\nb', 'a\0', 'ä', 'a\u007f', 'a\t', '\u017f']

  describe.each([
    ['requestHeaders', (list: readonly string[]) => forward({ requestHeaders: list })],
    ['responseHeaders', (list: readonly string[]) => forward({ responseHeaders: list })],
    ['replaceResponseHeaders', (list: readonly string[]) => forward({ replaceResponseHeaders: list })],
    ['headers of an answer', (list: readonly string[]) => direct({ headers: list })],
  ])('%s', (_where, answerWith) => {
    it.each(values)('are refused with the value %j', (value) => {
      expect(decode(answerWith(['x-ok', 'ok', 'x-a', value]))).toEqual(refusal)
    })
    it.each([...names, ...brokenNames])('are refused with the name %j', (name) => {
      expect(decode(answerWith([name, 'value']))).toEqual(refusal)
    })
    it('are refused with a name that stands twice, or without a value', () => {
      expect(decode(answerWith(['x-a', '1', 'X-A', '2']))).toEqual(refusal)
      expect(decode(answerWith(['x-a', '1', 'x-b']))).toEqual(refusal)
    })
    it('may have any value that is printable, and none', () => {
      expect(letsThrough(decode(answerWith(['x-a', '', 'x-b', '!~ #'])))).toBe(
        answerWith([]).kind === 'forward',
      )
    })
  })

  it.each([...names, ...brokenNames])('refuses to remove %j', (name) => {
    expect(decode(forward({ removeRequestHeaders: [name] }))).toEqual(refusal)
  })

  it.each(['', 'a', 'http://evil/', '/a b', '/a\r\nx: y', '/a\0', '/ä', '/a#b', '/\u007f', '*', '/a\t'])(
    'refuses the path %j',
    (path) => {
      expect(decode(forward({ path }))).toEqual(refusal)
    },
  )

  it.each([
    undefined,
    null,
    true,
    1,
    'forward',
    {},
    [],
    { kind: 'forward' },
    { kind: 'allow' },
    { ...forward(), facts: undefined },
    { ...forward(), requestHeaders: { a: 'b' } },
    { ...forward(), requestHeaders: ['x-a', 1] },
    { ...forward(), path: 5 },
    { ...direct(), body: undefined },
    { ...direct(), kind: 'ready' },
    { ...direct(), headers: [1, 'a'] },
    Promise.resolve(forward()),
  ])('refuses what is no answer: %j', (value) => {
    expect(decode(anything(value))).toEqual(refusal)
  })

  it('has fixed answers of its own that let nothing through and can be written', () => {
    const statuses = [MALFORMED, UNANSWERED, UNWRITABLE].map((answer) => {
      const response = decode(answer)
      expect(letsThrough(response)).toBe(false)
      expect(response.denied_response?.headers).toContainEqual(option('cache-control', 'no-store', 2))
      return response.denied_response?.status.code
    })
    expect(statuses).toEqual([400, 503, 500])
    expect(decode(UNANSWERED).denied_response?.headers).toContainEqual(option('retry-after', '1', 2))
  })
})
