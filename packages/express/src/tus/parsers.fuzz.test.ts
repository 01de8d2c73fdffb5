import { isMediaError } from '@mediakeep/core'
import {
  array,
  assert,
  constantFrom,
  oneof,
  property,
  string,
  tuple,
  uint8Array,
  uniqueArray,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseUploadChecksum } from './checksum.ts'
import { parseUploadConcat } from './concat.ts'
import { optionsOfMetadata, parseUploadMetadata } from './metadata.ts'
import { declaredLength, lengthOf, offsetOf } from './numbers.ts'

/** Text that comes near to what headers hold. */
const nearly = array(
  oneof(
    constantFrom(
      ' ',
      ',',
      ';',
      '=',
      '==',
      '/',
      'sha1',
      'sha256',
      'partial',
      'final;',
      'filename',
      'YQ==',
      '0',
      '1',
      '-',
      '5',
    ),
    string({ maxLength: 4 }),
  ),
  { maxLength: 12 },
).map((pieces) => pieces.join(''))

const key = string({ minLength: 1, maxLength: 8 }).filter((text) => /^[\x21-\x2b\x2d-\x7e]+$/.test(text))

describe('headers of tus', () => {
  it('are read, or refused as bad input: nothing else comes of them', () => {
    const parsers = [
      parseUploadChecksum,
      parseUploadConcat,
      (text: string) => optionsOfMetadata(parseUploadMetadata(text)),
      offsetOf,
      lengthOf,
      (text: string) => declaredLength(text, undefined),
      (text: string) => declaredLength(undefined, text),
    ]
    assert(
      property(nearly, constantFrom(...parsers), (text, parse) => {
        try {
          parse(text)
        } catch (error) {
          expect(isMediaError(error, 'MEDIA_BAD_INPUT') || isMediaError(error, 'MEDIA_TOO_LARGE')).toBe(true)
        }
      }),
      { numRuns: 5_000 },
    )
  })

  it('Upload-Metadata gives back the bytes that were put in, whatever they are', () => {
    assert(
      property(
        uniqueArray(tuple(key, uint8Array({ maxLength: 32 })), { selector: ([name]) => name, minLength: 1 }),
        (pairs) => {
          const text = pairs
            .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
            .join(',')
          const read = parseUploadMetadata(text)
          expect([...read]).toEqual(pairs.map(([name, value]) => [name, Buffer.from(value)]))
        },
      ),
    )
  })
})
