import { isMediaError } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { checkRequest, rawBytes, rawCheck, rawField, rawVarint } from './proto.fixture.ts'
import { readCheckRequest } from './read-check.ts'

const from = { proxyAddress: '127.0.0.1' }
const read = (bytes: Buffer) => readCheckRequest(bytes, from)

const METHOD = rawBytes(2, 'GET')
const PATH = rawBytes(4, '/media/a.jpg')

function faultOf(bytes: Buffer): string | undefined {
  try {
    read(bytes)
    return undefined
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_BAD_INPUT')) throw error
    return error.reason
  }
}

describe('readCheckRequest()', () => {
  it('reads the question of a browser, its headers when they are asked for', () => {
    const question = read(
      checkRequest({
        http: {
          id: '1',
          method: 'GET',
          path: '/media/a%20b.jpg?x=1',
          host: 'cdn.example:8443',
          scheme: 'https',
          protocol: 'HTTP/2',
          size: -1,
          headers: {
            ':path': '/media/a%20b.jpg?x=1',
            cookie: 'a=1; b=2',
            authorization: 'Bearer x',
            'x-é': 'é',
          },
        },
        context: { bucket: 'media', empty: '' },
      }),
    )
    expect(question).toMatchObject({
      method: 'GET',
      target: '/media/a%20b.jpg?x=1',
      host: 'cdn.example:8443',
      scheme: 'https',
      proxyAddress: '127.0.0.1',
      sourceAddress: '203.0.113.9',
      context: { bucket: 'media', empty: '' },
    })
    expect(question.header('cookie')).toBe('a=1; b=2')
    expect(question.header('authorization')).toBe('Bearer x')
    expect(question.header(':path')).toBe('/media/a%20b.jpg?x=1')
    expect(question.header('cooki3')).toBeUndefined()
    expect(question.header('range')).toBeUndefined()
  })

  it('leaves empty what is not said, and takes no deadline for granted', () => {
    const question = read(rawCheck(METHOD))
    expect(question).toMatchObject({ method: 'GET', target: '', host: '', scheme: '', context: {} })
    expect('deadlineMs' in question).toBe(false)
    expect('sourceAddress' in question).toBe(false)
    expect(readCheckRequest(rawCheck(METHOD), { ...from, deadlineMs: 5 }).deadlineMs).toBe(5)
  })

  it('takes a key of the context that is a word of JavaScript for a key', () => {
    const { context } = read(checkRequest({ http: { method: 'GET' }, context: { constructor: 'a' } }))
    expect(Object.entries(context)).toEqual([['constructor', 'a']])
    const named = Buffer.concat([rawBytes(1, '__proto__'), rawBytes(2, 'b')])
    const { context: other } = read(
      rawBytes(1, Buffer.concat([rawBytes(4, rawBytes(2, METHOD)), rawBytes(10, named)])),
    )
    expect(Object.entries(other)).toEqual([['__proto__', 'b']])
    expect(read(rawCheck(METHOD)).context).not.toHaveProperty('bucket')
  })

  it('reads header lines of encode_raw_headers, joined as Envoy joins them', () => {
    const question = read(
      checkRequest({
        http: {
          method: 'GET',
          header_map: {
            headers: [
              { key: 'x-user', raw_value: Buffer.from('one') },
              { key: 'cookie', raw_value: Buffer.from('a=1') },
              { key: 'x-user', value: 'two' },
              { key: 'cookie', raw_value: Buffer.from('b=2') },
              { key: 'x-bytes', raw_value: Buffer.of(0x61, 0xff) },
            ],
          },
        },
      }),
    )
    expect(question.header('x-user')).toBe('one,two')
    expect(question.header('cookie')).toBe('a=1; b=2')
    expect(question.header('x-bytes')).toBe('a\uFFFD')
    expect(question.header('accept')).toBeUndefined()
  })

  it('lets the last one count of a single value, and puts messages and maps together', () => {
    const entry = (key: string, value: string): Buffer =>
      rawBytes(3, Buffer.concat([rawBytes(1, key), rawBytes(2, value)]))
    const twice = Buffer.concat([
      rawCheck(METHOD, rawBytes(4, '/first'), entry('a', '1'), entry('b', '2'), rawBytes(5, 'host')),
      rawCheck(rawBytes(4, '/second'), entry('a', '3')),
      rawBytes(1, rawBytes(10, Buffer.concat([rawBytes(1, 'k'), rawBytes(1, 'key'), rawBytes(2, 'v')]))),
    ])
    const question = read(twice)
    expect(question).toMatchObject({ method: 'GET', target: '/second', host: 'host', context: { key: 'v' } })
    expect([question.header('a'), question.header('b')]).toEqual(['3', '2'])
  })

  it('passes over every kind of field it does not know, groups within groups too', () => {
    const inner = Buffer.concat([rawField(7, 3), rawField(1, 0, 1), rawField(7, 4)])
    const unknown = Buffer.concat([
      rawField(100, 0, rawVarint(2 ** 40)),
      rawField(101, 1, Buffer.alloc(8)),
      rawBytes(102, 'x'),
      rawField(103, 3, inner, rawField(103, 4)),
      rawField(104, 5, Buffer.alloc(4)),
      rawField(105, 0, Buffer.from([...Array<number>(9).fill(0xff), 1])),
      rawField(2 ** 29 - 1, 0, 0),
    ])
    const pair = Buffer.concat([unknown, rawBytes(1, 'a'), unknown, rawBytes(2, 'b')])
    const header = rawBytes(3, Buffer.concat([pair, rawBytes(3, 'no raw value of a map')]))
    const http = rawBytes(2, Buffer.concat([unknown, METHOD, PATH, header, rawBytes(13, unknown)]))
    const address = rawBytes(
      1,
      Buffer.concat([unknown, rawBytes(1, Buffer.concat([unknown, rawBytes(2, '::1')]))]),
    )
    const source = rawBytes(1, Buffer.concat([unknown, address]))
    const attributes = rawBytes(
      1,
      Buffer.concat([source, rawBytes(4, Buffer.concat([unknown, http])), unknown]),
    )
    const question = read(Buffer.concat([unknown, attributes]))
    expect(question).toMatchObject({ method: 'GET', target: '/media/a.jpg', sourceAddress: '::1' })
    expect(question.header('a')).toBe('b')
  })

  it('reads a path that is text beyond ASCII, and long varints of small numbers', () => {
    expect(read(rawCheck(METHOD, rawBytes(4, '/ä/\u{1f600}'))).target).toBe('/ä/\u{1f600}')
    expect(read(rawCheck(rawField(2, 2, 0x83, 0x80, 0x80, 0, Buffer.from('GET')))).method).toBe('GET')
  })

  it.each([
    ['an empty message', Buffer.alloc(0), 'no-request'],
    ['no request in the attributes', rawBytes(1, rawBytes(10, '')), 'no-request'],
    ['no http in the request', rawBytes(1, rawBytes(4, '')), 'no-request'],
    ['no method', rawCheck(PATH), 'no-request'],
    ['a method that a later one makes empty', rawCheck(METHOD, rawBytes(2, '')), 'no-request'],
    ['a tag that is cut off', Buffer.of(0x8a), 'truncated'],
    ['a length that is cut off', Buffer.of(0x0a, 0x80), 'truncated'],
    ['a length beyond the message', rawField(1, 2, 5, 0), 'truncated'],
    ['a length beyond the message it is in', rawBytes(1, rawBytes(4, rawField(2, 2, 1))), 'truncated'],
    ['a part that reaches over the end of its message', rawCheck(METHOD, rawField(4, 2, 9)), 'truncated'],
    ['a length of 2^31', rawField(1, 2, rawVarint(2 ** 31)), 'truncated'],
    ['a length of 2^32 + 1', rawField(1, 2, rawVarint(2 ** 32 + 1), 0x2f), 'truncated'],
    ['a length of -1', rawField(1, 2, Buffer.from([...Array<number>(9).fill(0xff), 1])), 'truncated'],
    ['a varint of 11 bytes', rawField(9, 0, Buffer.alloc(10, 0x80), 0), 'overlong'],
    ['a varint of more than 64 bits', rawField(9, 0, Buffer.alloc(9, 0xff), 2), 'overlong'],
    ['a fixed64 that is cut off', rawField(9, 1, Buffer.alloc(7)), 'truncated'],
    ['a fixed32 that is cut off', rawField(9, 5, Buffer.alloc(3)), 'truncated'],
    ['field 0', Buffer.of(0x02, 0), 'bad-tag'],
    ['a tag of more than 32 bits', Buffer.concat([rawVarint(2 ** 32 + 10), Buffer.of(0)]), 'bad-tag'],
    ['wire type 6', rawField(9, 6), 'bad-type'],
    ['wire type 7', rawField(9, 7), 'bad-type'],
    ['an end without a group', rawField(9, 4), 'bad-type'],
    ['the end of another group', rawField(9, 3, rawField(8, 4)), 'bad-group'],
    ['a group without an end', rawField(9, 3, rawField(1, 0, 1)), 'truncated'],
    ['1,000 groups in each other', Buffer.alloc(1_000, rawField(9, 3)), 'bad-group'],
    ['a number where the attributes belong', rawField(1, 0, 1), 'bad-type'],
    ['a number where the method belongs', rawCheck(rawField(2, 0, 1)), 'bad-type'],
    ['a number where a header belongs', rawCheck(METHOD, rawField(3, 0, 1)), 'bad-type'],
    [
      'a number where the name of a header belongs',
      rawCheck(METHOD, rawBytes(3, rawField(1, 0, 1))),
      'bad-type',
    ],
    ['a number where the header map belongs', rawCheck(METHOD, rawField(13, 5, Buffer.alloc(4))), 'bad-type'],
    ['a path that is not UTF-8', rawCheck(METHOD, rawBytes(4, Buffer.of(0x2f, 0xc0, 0xae))), 'not-utf8'],
    ['a method that is not UTF-8', rawCheck(rawBytes(2, Buffer.of(0xff))), 'not-utf8'],
    ['a host that is not UTF-8', rawCheck(METHOD, rawBytes(5, Buffer.of(0x80))), 'not-utf8'],
    [
      'a context that is not UTF-8',
      Buffer.concat([rawCheck(METHOD), rawBytes(1, rawBytes(10, rawBytes(2, Buffer.of(0xe2, 0x82))))]),
      'not-utf8',
    ],
  ])('refuses %s', (_what, bytes, fault) => {
    expect(faultOf(bytes)).toBe(fault)
  })

  it('refuses what is cut off anywhere, or asks the same question', () => {
    const whole = checkRequest({
      http: { method: 'GET', path: '/a', headers: { a: 'b' }, host: 'h', scheme: 'http' },
      context: { k: 'v' },
    })
    for (let length = 0; length < whole.length; length++)
      expect(faultOf(whole.subarray(0, length))).toBeDefined()
  })

  it('reads 1,000 headers and 60 KiB of them', () => {
    const headers = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [`x-header-${index}`, `${index}`.padEnd(48, '.')]),
    )
    const question = read(checkRequest({ http: { method: 'GET', path: '/a', headers } }))
    for (const [name, value] of Object.entries(headers)) expect(question.header(name)).toBe(value)
  })
})
