import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { declaredDigest, formatDigestField, parseDigestField } from './digest-fields.ts'

// RFC 9530 appendix B.1
const BODY = Buffer.from('{"hello": "world"}\n')
const SHA256 = 'RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg='
const FIELD = `sha-256=:${SHA256}:`
const DIGEST = digestOf(BODY)
const SHA512 =
  'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:'

describe('parseDigestField()', () => {
  it.each([
    ['the example of RFC 9530', FIELD],
    ['one among others', `${SHA512}, ${FIELD}`],
    ['one with parameters', `${FIELD};a=1;b="x, y";c`],
    ['one without padding', FIELD.replace('=:', ':').replace('sha-256:', 'sha-256=:')],
    ['one that stands twice with one value', `${FIELD},${FIELD}`],
    ['what it wrote', formatDigestField(DIGEST)],
  ])('reads %s', (_, field) => {
    expect(parseDigestField(field)).toBe(DIGEST)
  })

  it('leaves other algorithms alone', () => {
    expect(parseDigestField(SHA512)).toBeUndefined()
    expect(parseDigestField('md5=:1B2M2Y8AsgTpgAmY7PhCfg==:')).toBeUndefined()
  })

  it.each([
    ['nothing', ''],
    ['hexadecimal', `sha-256=${DIGEST.slice(7)}`],
    ['base64 without colons', `sha-256=${SHA256}`],
    ['base64url', FIELD.replace('/', '_')],
    ['too few bytes', 'sha-256=:AAAA:'],
    ['too many bytes', `sha-256=:${'A'.repeat(44)}:`],
    ['two characters of padding', `sha-256=:${'A'.repeat(43)}==:`],
    ['a missing end', FIELD.slice(0, -1)],
    ['text behind', `${FIELD} x`],
    ['a comma at the end', `${FIELD},`],
    ['a key without value', 'sha-256'],
    ['upper-case keys', FIELD.toUpperCase()],
    ['two values', `${FIELD}, sha-256=:${'A'.repeat(43)}=:`],
    ['8 KB and more', `x=:${'A'.repeat(9_000)}:, ${FIELD}`],
    ['the old Digest form', `SHA-256=${SHA256}`],
  ])('refuses %s', (_, field) => {
    expect(() => parseDigestField(field)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-digest' }),
    )
  })
})

describe('declaredDigest()', () => {
  it('takes either field, both when they agree, and none', () => {
    expect(declaredDigest({ 'content-digest': FIELD })).toBe(DIGEST)
    expect(declaredDigest({ 'repr-digest': FIELD })).toBe(DIGEST)
    expect(declaredDigest({ 'repr-digest': FIELD, 'content-digest': FIELD })).toBe(DIGEST)
    expect(declaredDigest({})).toBeUndefined()
  })

  it('refuses fields that disagree', () => {
    const headers = { 'repr-digest': FIELD, 'content-digest': formatDigestField(digestOf(Buffer.from('x'))) }
    expect(() => declaredDigest(headers)).toThrow(expect.objectContaining({ reason: 'bad-digest' }))
  })
})
