import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { DirectAnswer, ForwardAnswer } from '../contracts.ts'
import { encodeAnswer } from './encode-answer.ts'
import { UNWRITABLE } from './fixed-answers.ts'
import { type HeaderOption, letsThrough, type Response, readResponse } from './proto.fixture.ts'

const RUNS = process.env['MEDIAKEEP_LONG'] === '1' ? 20_000 : 3_000

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z-]{1,12}$/))
const names = fc.uniqueArray(fc.stringMatching(/^x-[a-zA-Z0-9]{1,8}$/), {
  maxLength: 5,
  selector: (name) => name.toLowerCase(),
})
const list = fc.oneof(
  fc.array(text, { maxLength: 8 }),
  names.map((unique) => unique.flatMap((name) => [name, `value of ${name}`])),
)
const facts = fc.record(
  {
    state: fc.constantFrom('ready', 'loading', 'failed', 'missing', 'denied'),
    reason: text,
    tier: text,
    mediaId: text,
    ttlMs: fc.double(),
  },
  { requiredKeys: ['state', 'ttlMs'] },
)
const forward = fc.record(
  {
    kind: fc.constant('forward'),
    path: fc.oneof(
      text,
      fc.webPath().map((path) => `/${path}`),
    ),
    requestHeaders: list,
    removeRequestHeaders: fc.oneof(names, fc.array(text, { maxLength: 3 })),
    responseHeaders: list,
    replaceResponseHeaders: list,
    facts,
  },
  {
    requiredKeys: [
      'kind',
      'requestHeaders',
      'removeRequestHeaders',
      'responseHeaders',
      'replaceResponseHeaders',
      'facts',
    ],
  },
)
const direct = fc.record({
  kind: fc.constant('answer'),
  status: fc.oneof(fc.integer(), fc.integer({ min: 190, max: 610 }), fc.double()),
  headers: list,
  body: text,
  facts,
})

const refusal = readResponse(encodeAnswer(UNWRITABLE))
const isRefusal = (response: Response): boolean => JSON.stringify(response) === JSON.stringify(refusal)

/** Names in lower case and values in turn, as given. */
const meant = (headers: readonly string[]): string[] =>
  headers.map((part, index) => (index % 2 === 0 ? part.toLowerCase() : part))
const heard = (options: readonly HeaderOption[] = []): string[] =>
  options.flatMap(({ header }) => [header.key, header.value ?? ''])

function checkForward(answer: ForwardAnswer, { ok_response, status }: Response): void {
  expect(status?.code).toBe(0)
  const path = answer.path === undefined ? [] : [':path', answer.path]
  expect(heard(ok_response?.headers)).toEqual([...path, ...meant(answer.requestHeaders)])
  expect(ok_response?.headers_to_remove ?? []).toEqual(
    answer.removeRequestHeaders.map((name) => name.toLowerCase()),
  )
  expect(heard(ok_response?.response_headers_to_add)).toEqual([
    ...meant(answer.responseHeaders),
    ...meant(answer.replaceResponseHeaders),
  ])
}

function checkDirect(answer: DirectAnswer, { denied_response }: Response): void {
  expect(heard(denied_response?.headers)).toEqual(meant(answer.headers))
  expect(denied_response?.body ?? '').toBe(Buffer.from(answer.body).toString())
}

/** What holds of whatever is written. */
function checkWritten(kind: 'forward' | 'answer', bytes: Buffer, response: Response): void {
  expect(bytes.length).toBeGreaterThan(0)
  expect(response.status).toBeDefined()
  expect([response.ok_response, response.denied_response].filter(Boolean)).toHaveLength(1)
  expect(letsThrough(response)).toBe(response.ok_response !== undefined)
  if (kind === 'answer') expect(letsThrough(response)).toBe(false)
  const status = response.denied_response?.status.code ?? 200
  expect(status >= 200 && status <= 599).toBe(true)
  for (const option of [
    ...(response.denied_response?.headers ?? []),
    ...(response.ok_response?.headers ?? []),
    ...(response.ok_response?.response_headers_to_add ?? []),
  ]) {
    expect(option.header.key).toMatch(/^(:path|[!#$%&'*+\-.^_`|~0-9a-z]+)$/)
    expect(option.header.value ?? '').toMatch(/^[ -~]*$/)
    expect([2, 3]).toContain(option.append_action)
  }
}

it('encodeAnswer() writes what was meant or a refusal: never nothing, never an answer that lets through', () => {
  let written = 0
  fc.assert(
    fc.property(fc.oneof(forward, direct), (answer) => {
      const bytes = encodeAnswer(answer)
      const response = readResponse(bytes)
      checkWritten(answer.kind, bytes, response)
      if (isRefusal(response)) return
      written += 1
      if (answer.kind === 'forward') checkForward(answer, response)
      else checkDirect(answer, response)
      const fields = response.dynamic_metadata?.fields
      expect(fields?.['state']?.string_value).toBe(answer.facts.state)
      expect(fields?.['ttl_ms']?.number_value).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: RUNS },
  )
  expect(written).toBeGreaterThan(RUNS / 10)
})
