import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../contracts/clock.ts'
import { isMediaError } from '../errors/media-error.ts'
import { createKeyRing, createSigningKey } from '../keys/key-ring.ts'
import { signUrl, verifySignedUrl } from '../media-store/signed-url.ts'
import { fixture } from '../media-store/store.fixture.ts'
import { signUpload, verifySignedUpload } from './signed-upload.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const MINUTE = 60_000
const at = (ms: number): Clock => ({ now: () => NOW + ms, after: () => () => {} })
const keys = createKeyRing([createSigningKey('one')])
const signer = { keys, clock: at(0) }
const ID = 'Zm9vYmFyYmF6cXV4MTIzNA'
const expiresAt = new Date(NOW + 15 * MINUTE)
const query = String(signUpload(signer, 'default', ID, { expiresAt }))

type Outcome = string | Date
/** The instant it holds until, or the code and reason it is refused with. */
function outcome(text: string, { id = ID, namespace = 'default', signer: by = signer } = {}): Outcome {
  try {
    return verifySignedUpload(by, namespace, id, text).expiresAt
  } catch (error) {
    if (!isMediaError(error)) throw error
    return `${error.code} ${error.reason}`
  }
}
const SIGNATURE = 'MEDIA_DENIED signature'
const [kid, exp, sig] = query.split('&') as [string, string, string]

describe('a signed upload', () => {
  it('holds for its id, its namespace and its time, in any order of its parameters', () => {
    expect(outcome(query)).toEqual(expiresAt)
    expect(outcome([sig, kid, exp].join('&'))).toEqual(expiresAt)
  })

  const refused: readonly (readonly [why: string, query: string, expected?: string])[] = [
    ['nothing', '', 'MEDIA_UNAUTHENTICATED signature-required'],
    ['no signature', `${kid}&${exp}`, 'MEDIA_UNAUTHENTICATED signature-required'],
    ['an empty signature', `${kid}&${exp}&sig=`],
    ['a bare name', `${kid}&${exp}&sig`],
    ['no key id', `${exp}&${sig}`],
    ['no expiry', `${kid}&${sig}`],
    ['another key id', `kid=two&${exp}&${sig}`],
    ['another expiry', `${kid}&exp=${Number(exp.slice(4)) + 1}&${sig}`],
    ['an expiry with a zero in front', `${kid}&exp=0${exp.slice(4)}&${sig}`],
    ['an expiry with a sign', `${kid}&exp=%2B${exp.slice(4)}&${sig}`],
    ['an expiry in another form', `${kid}&exp=${exp.slice(4)}.0&${sig}`],
    ['a truncated signature', query.slice(0, -1)],
    ['a longer signature', `${query}A`],
    ['padding', `${query}=`],
    ['an escaped letter', `${kid}&${exp}&sig=%${sig.charCodeAt(4).toString(16)}${sig.slice(5)}`],
    ['hexadecimal', `${kid}&${exp}&sig=${Buffer.from(sig.slice(4), 'base64url').toString('hex')}`],
    ['upper case', `${kid}&${exp}&sig=${sig.slice(4).toUpperCase()}`],
    ['a doubled signature', `${query}&${sig}`],
    ['a doubled expiry', `${exp}&${query}`],
    ['a doubled key id', `${query}&kid=one`],
    ['an escaped name', `%6Bid=one&${exp}&${sig}`],
    ['an added size', `${query}&sizeBytes=1`],
    ['an added type', `${query}&contentType=text/html`],
    ['an added digest', `${query}&sha256=${'0'.repeat(64)}`],
    ['an added owner', `${query}&owner=eve`],
    ['an added prototype', `${query}&__proto__=1`],
    ['an empty parameter', `${query}&`],
    ['a semicolon', query.replaceAll('&', ';'), 'MEDIA_UNAUTHENTICATED signature-required'],
    ['a space', ` ${query}`],
  ]
  for (const [why, text, expected = SIGNATURE] of refused) {
    it(`is refused with ${why}`, () => {
      expect(outcome(text)).toBe(expected)
    })
  }

  it('is refused for another id, however it is spelled, and in another namespace', () => {
    for (const id of [`${ID}x`, ID.slice(1), ID.toLowerCase(), `%5A${ID.slice(1)}`, `${ID}%2F`, ''])
      expect(outcome(query, { id })).toBe(SIGNATURE)
    expect(outcome(query, { namespace: 'other' })).toBe(SIGNATURE)
    expect(outcome(query, { namespace: `default\n${ID}`, id: '' })).toBe(SIGNATURE)
  })

  it('ends at its expiry', () => {
    const by = (ms: number) => ({ signer: { keys, clock: at(ms) } })
    expect(outcome(query, by(15 * MINUTE - 1))).toEqual(expiresAt)
    expect(outcome(query, by(15 * MINUTE))).toBe('MEDIA_DENIED expired')
  })

  it('is signed for an hour at most, and taken for no longer', () => {
    const sign = (ms: number): URLSearchParams =>
      signUpload(signer, 'default', ID, { expiresAt: new Date(NOW + ms) })
    for (const ms of [0, -1, 60 * MINUTE + 1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => sign(ms)).toThrow(expect.objectContaining({ reason: 'bad-expiry' }))
    const longest = String(sign(60 * MINUTE))
    expect(outcome(longest)).toBeInstanceOf(Date)
    // A host whose clock is behind.
    expect(outcome(longest, { signer: { keys, clock: at(-5 * MINUTE) } })).toBeInstanceOf(Date)
    expect(outcome(longest, { signer: { keys, clock: at(-5 * MINUTE - 1000) } })).toBe(
      'MEDIA_BAD_INPUT bad-expiry',
    )
  })

  it('is good while its key is, by whichever key it was signed', () => {
    const [old, young] = [createSigningKey('old'), createSigningKey('young')]
    const signed = String(
      signUpload({ keys: createKeyRing([old]), clock: at(0) }, 'default', ID, { expiresAt }),
    )
    const by = (...ring: (typeof old)[]) => ({ signer: { keys: createKeyRing(ring), clock: at(0) } })
    expect(outcome(signed, by(young, old))).toEqual(expiresAt)
    expect(outcome(signed, by(young))).toBe(SIGNATURE)
  })

  it('never opens a download, and a signed download never takes an upload', () => {
    const publicBaseUrl = new URL('https://media.example/media/')
    const download = signUrl({ ...signer, publicBaseUrl }, 'default', ID, { expiresAt })
    expect(outcome(download.search.slice(1))).toBe(SIGNATURE)
    expect(() => verifySignedUrl(signer, 'default', ID, new URLSearchParams(query))).toThrow(
      expect.objectContaining({ code: 'MEDIA_DENIED', reason: 'signature' }),
    )
  })

  it('is refused with any character changed', () => {
    fc.assert(
      fc.property(fc.nat(query.length - 1), fc.integer({ min: 32, max: 126 }), (place, code) => {
        const changed = query.slice(0, place) + String.fromCharCode(code) + query.slice(place + 1)
        if (changed === query) return
        expect(outcome(changed)).toMatch(/^MEDIA_(?:DENIED signature|UNAUTHENTICATED signature-required)$/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is refused with an error of ours for any text', () => {
    const piece = fc.oneof(
      fc.constantFrom(kid, exp, sig, '&', '=', '%', 'sig=', 'exp=', 'kid=', '__proto__', '\0', ';', '#'),
      fc.string({ maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('')
        const isWhole = [...new Set(text.split('&'))].sort().join() === [kid, exp, sig].sort().join()
        if (!isWhole) expect(outcome(text)).toMatch(/^MEDIA_/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is what a store signs and verifies with its own keys and namespace', async () => {
    const { store } = await fixture()
    const soon = new Date(Date.now() + MINUTE)
    const signed = String(store.signUpload(ID, { expiresAt: soon }))
    expect(store.verifyUpload(ID, signed).expiresAt.getTime()).toBe(Math.floor(soon.getTime() / 1000) * 1000)
    expect(() => store.in('other').verifyUpload(ID, signed)).toThrow(
      expect.objectContaining({ reason: 'signature' }),
    )
    expect(store.publicBaseUrl?.href).toBe('https://media.example/media/')
    store.publicBaseUrl?.searchParams.set('a', 'b')
    expect(store.in('other').publicBaseUrl?.href).toBe('https://media.example/media/')
  })
})
