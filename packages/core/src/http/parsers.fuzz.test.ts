import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import {
  cleanFilename,
  parseKeyPath,
  parseLinkQuery,
  parseLinksField,
  parseMediaKey,
  parseMetadataField,
  parseTagsField,
} from '../names/index.ts'
import { holdsIfRange, parseWriteCondition, weighReadConditions } from './conditions.ts'
import { formatDisposition } from './content-disposition.ts'
import { parseContentType } from './content-type.ts'
import { parseHttpDate } from './dates.ts'
import { parseDigestField } from './digest-fields.ts'
import { parseEtagList } from './etag.ts'
import { problemAnswer } from './problem.ts'
import { parseRange } from './ranges.ts'
import { requestIdOf } from './request-id.ts'
import { servedContentType } from './served-type.ts'
import { parseTraceParent } from './trace-parent.ts'
import { parseUploadName } from './upload-name.ts'

const CURRENT = { etag: 'x', modifiedAt: new Date(0) }
const PARSERS: readonly (readonly [name: string, read: (text: string) => unknown])[] = [
  ['parseRange', (text) => parseRange(text, 1_000, { maxParts: Number.MAX_SAFE_INTEGER })],
  ['parseEtagList', parseEtagList],
  ['parseHttpDate', (text) => parseHttpDate(text, 0)],
  [
    'weighReadConditions',
    (text) => weighReadConditions({ 'if-match': text, 'if-none-match': [text, text] }, CURRENT, 0),
  ],
  ['holdsIfRange', (text) => holdsIfRange(text, CURRENT, 0)],
  ['parseWriteCondition', (text) => parseWriteCondition({ 'if-match': text }, 'record')],
  ['parseContentType', parseContentType],
  ['servedContentType', servedContentType],
  ['parseUploadName', parseUploadName],
  ['parseDigestField', parseDigestField],
  ['formatDisposition', (text) => formatDisposition('inline', text)],
  ['requestIdOf', (text) => requestIdOf(text, () => '')],
  ['parseTraceParent', parseTraceParent],
  [
    'problemAnswer',
    (text) =>
      problemAnswer(new MediaError('MEDIA_INVALID', text, { reason: text }), {
        requestId: text,
        headers: ['A', text],
        challenge: text,
      }),
  ],
  ['cleanFilename', cleanFilename],
  ['parseMediaKey', parseMediaKey],
  ['parseKeyPath', parseKeyPath],
  ['parseTagsField', parseTagsField],
  ['parseMetadataField', parseMetadataField],
  ['parseLinksField', parseLinksField],
  ['parseLinkQuery', parseLinkQuery],
]

function attempt(read: (text: string) => unknown, text: string): void {
  try {
    read(text)
  } catch (error) {
    if (!isMediaError(error)) throw error
  }
}

// Pieces of every grammar, so that random text gets past the first character.
const piece = fc.constantFrom(
  'bytes=',
  '0-1',
  '-',
  ',',
  ' ',
  '\t',
  ';',
  '=',
  '"',
  '\\',
  'W/"',
  '"a"',
  '*',
  '/',
  ':',
  'filename',
  'filename*=',
  "UTF-8''",
  '%C3',
  '%41',
  '%',
  'sha-256=:',
  'AAAA',
  ':',
  'text/plain',
  'charset',
  'attachment',
  'Sun, 06 Nov 1994 08:49:37 GMT',
  '[',
  ']',
  '{',
  '}',
  '"__proto__":',
  '00-',
  '..',
  '\r\n',
  '\0',
  '\ud83d',
  'é',
  '\u202e',
)
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(piece, piece, fc.string({ maxLength: 4 })), { maxLength: 30 }).map((all) => all.join('')),
)

// What makes a backtracking or quadratic reader slow: long runs that fail at their end.
const RUNS = [
  ' ',
  '\t',
  ',',
  '0',
  '-',
  '0-0,',
  ', ,',
  '"',
  '\\',
  '"\\',
  '"a",',
  'W/',
  ';',
  ';;',
  '; a=b',
  ';a="',
  '=',
  'a',
  'a=',
  ':',
  'A',
  '%',
  '%41',
  '/',
  '../',
  'a/',
  '.',
  '[',
  '{"a":',
  'é',
  '\ud83d',
  '😀',
  '\u202e',
  '/a ',
  "'",
  'x:',
  'a. ',
  '::$DATA',
  'sha-256=:A',
  ';a ',
  ' ;',
]
const HEADS = [
  '',
  'bytes=',
  '"',
  'W/"',
  'a/b',
  'a/b; c="',
  'attachment; filename="',
  "attachment; filename*=UTF-8''",
  'sha-256=:',
  'x=:AA==:',
  '00-',
  '[',
]
const LENGTH = 50_000

describe('parsers', { timeout: 60_000 }, () => {
  it.each(PARSERS)('%s fails with nothing but a MediaError', (_, read) => {
    fc.assert(
      fc.property(text, (input) => attempt(read, input)),
      { numRuns: 3_000 },
    )
  })

  // 50,000 steps take about a millisecond, their square seconds: the bound tells the two apart on any machine.
  // The best of three counts, so that a pause of the machine is not taken for ours.
  it.each(PARSERS)('%s takes time in proportion to the length, not its square', (_, read) => {
    for (const head of HEADS) {
      for (const run of RUNS) {
        const input = `${head}${run.repeat(LENGTH / run.length)}!`
        let tookMs = Number.POSITIVE_INFINITY
        for (let tries = 0; tries < 3 && tookMs >= 500; tries++) {
          const startedAt = performance.now()
          attempt(read, input)
          tookMs = performance.now() - startedAt
        }
        expect(tookMs, `${head} + ${run} x ${LENGTH / run.length}`).toBeLessThan(500)
      }
    }
  })
})
