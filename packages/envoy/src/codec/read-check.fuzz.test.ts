import { isMediaError } from '@mediakeep/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { GateRequest } from '../contracts.ts'
import { checkRequest, type Read, rawBytes, rawField, rawVarint, readByPeer } from './proto.fixture.ts'
import { readCheckRequest } from './read-check.ts'

const INPUTS = process.env['MEDIAKEEP_LONG'] === '1' ? 1_000_000 : 20_000
const TIMEOUT_MS = 600_000

/** Undefined when it is refused; anything else that happens is a fault of ours. */
function read(bytes: Buffer): GateRequest | undefined {
  const { stackTraceLimit } = Error
  // Where it was thrown, not the whole way there: collecting that takes longer than reading, for each of a million refused.
  Error.stackTraceLimit = 1
  try {
    return readCheckRequest(bytes, { proxyAddress: '' })
  } catch (error) {
    if (isMediaError(error, 'MEDIA_BAD_INPUT')) return undefined
    throw error
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const text = fc
  .oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 }))
  .map((given) => Buffer.from(given).toString())
const name = fc.stringMatching(/^[a-z:-]{1,10}$/)
const pairs = (keys: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> =>
  fc.dictionary(keys, text, { maxKeys: 4, noNullPrototype: true })
const questions = fc.record({
  http: fc.record({
    id: text,
    method: fc.oneof(fc.constantFrom('GET', 'HEAD', 'get', 'PUT'), text),
    path: fc.oneof(fc.webPath(), text),
    host: text,
    scheme: fc.constantFrom('http', 'https', ''),
    protocol: text,
    size: fc.constantFrom(-1, 0, 2 ** 40),
    body: text,
    headers: pairs(name),
  }),
  context: pairs(fc.oneof(name, text)),
})

/** Fields that a later Envoy may send, of every wire type. */
const unknownField = fc
  .tuple(
    fc.integer({ min: 50, max: 2 ** 29 - 1 }),
    fc.constantFrom(0, 1, 2, 3, 5),
    fc.nat(),
    fc.uint8Array({ maxLength: 9 }),
  )
  .map(([number, wireType, value, bytes]) => {
    switch (wireType) {
      case 0:
        return rawField(number, 0, rawVarint(value))
      case 1:
        return rawField(number, 1, Buffer.alloc(8, value))
      case 2:
        return rawBytes(number, Buffer.from(bytes))
      case 3:
        return rawField(number, 3, rawField(7, 0, rawVarint(value)), rawField(number, 4))
      default:
        return rawField(number, 5, Buffer.alloc(4, value))
    }
  })

const scalars = fc.array(fc.tuple(fc.constantFrom(1, 2, 4, 5, 6, 10, 11), text), { maxLength: 10 })
const entries = fc.array(fc.tuple(name, text, fc.boolean()), { maxLength: 6 })

/** The same by hand: any order, single values and names of headers that come twice, unknown fields everywhere. */
const handMade = fc
  .record({
    scalars,
    entries,
    unknown: fc.array(unknownField, { minLength: 4, maxLength: 4 }),
    order: fc.array(fc.nat(), { minLength: 24, maxLength: 24 }),
  })
  .map(({ scalars: values, entries: headers, unknown, order }) => {
    const [inHttp, inRequest, inAttributes, inEntry] = unknown
    const headerFields = headers.map(([key, value, isReversed]) => {
      const parts = [rawBytes(1, key), inEntry ?? '', rawBytes(2, value)].map((part) => Buffer.from(part))
      return rawBytes(3, Buffer.concat(isReversed ? parts.toReversed() : parts))
    })
    const fields = [
      ...values.map(([number, value]) => rawBytes(number, value)),
      ...headerFields,
      inHttp ?? Buffer.alloc(0),
    ]
    const shuffled = fields
      .map((field, index) => ({ field, place: order[index] ?? 0 }))
      .sort((one, other) => one.place - other.place)
      .map(({ field }) => field)
    const http = rawBytes(2, Buffer.concat(shuffled))
    const request = rawBytes(4, Buffer.concat([inRequest ?? Buffer.alloc(0), http]))
    return rawBytes(1, Buffer.concat([request, inAttributes ?? Buffer.alloc(0)]))
  })

function expectSame(question: GateRequest | undefined, peer: Read | undefined): void {
  if (question === undefined || peer === undefined) {
    expect(question).toBe(peer)
    return
  }
  const { method, target, host, scheme, context } = question
  const headers = Object.fromEntries(
    Object.keys(peer.headers).map((key) => [key, question.header(key) ?? '']),
  )
  expect({ method, target, host, scheme, context, headers }).toEqual(peer)
  expect(question.header('x-nobody-sends-this')).toBeUndefined()
}

it(
  'readCheckRequest() reads what protobufjs reads of questions as Envoy sends them',
  () => {
    fc.assert(
      fc.property(questions, (question) => {
        const bytes = checkRequest(question)
        expectSame(read(bytes), readByPeer(bytes))
      }),
      { numRuns: INPUTS / 25 },
    )
  },
  TIMEOUT_MS,
)

it(
  'readCheckRequest() reads what protobufjs reads of values that come twice, in any order, among unknown fields',
  () => {
    fc.assert(
      fc.property(handMade, (bytes) => expectSame(read(bytes), readByPeer(bytes))),
      { numRuns: INPUTS / 25 },
    )
  },
  TIMEOUT_MS,
)

/** Small and fast, and the same for the same seed: a million inputs are made in seconds. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function mutate(valid: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(valid)
  const at = random(bytes.length)
  switch (random(6)) {
    case 0:
      bytes[at] = random(256)
      return bytes
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
      return bytes
    case 2:
      return bytes.subarray(0, at)
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(8))])
    case 4: {
      const inserted = Buffer.from(Array.from({ length: 1 + random(6) }, () => random(256)))
      return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
    }
    default: {
      const from = random(bytes.length)
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(from, from + random(64)),
        bytes.subarray(at),
      ])
    }
  }
}

it(
  `readCheckRequest() gives ${INPUTS} broken or random inputs back as text or refuses them, and does nothing else`,
  () => {
    const seed = Date.now() >>> 0
    const random = randomOf(seed)
    const valid = fc.sample(questions, { numRuns: 200, seed }).map((question) => checkRequest(question))
    let refused = 0
    for (let count = 0; count < INPUTS; count++) {
      const base = valid[random(valid.length)] ?? Buffer.alloc(0)
      const isMutated = random(10) < 7
      const input = isMutated
        ? mutate(random(3) === 0 ? mutate(base, random) : base, random)
        : Buffer.from(Array.from({ length: random(40) }, () => random(256)))
      const question = read(input)
      if (question === undefined) {
        refused += 1
        continue
      }
      // What is read lies in the input: no part of it is made up, and its texts are text.
      const { method, target, host, scheme } = question
      for (const part of [method, target, host, scheme]) {
        if (!input.includes(part)) throw new Error(`seed ${seed}: ${input.toString('hex')}`)
      }
      if (method === '') throw new Error(`seed ${seed}: no method in ${input.toString('hex')}`)
      question.header('cookie')
    }
    expect(refused).toBeGreaterThan(INPUTS * 0.2)
    expect(refused).toBeLessThan(INPUTS)
  },
  TIMEOUT_MS,
)
