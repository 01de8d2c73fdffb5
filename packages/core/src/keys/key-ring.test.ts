import { describe, expect, it } from 'vitest'
import { createKeyRing, createSigningKey } from './key-ring.ts'

describe('key ring', () => {
  const first = createSigningKey('one')
  const second = createSigningKey('two')
  const ring = createKeyRing([second, first])

  it('signs with the first key and verifies with all', () => {
    const old = createKeyRing([first]).sign('download', 'm')
    expect(ring.sign('download', 'm').kid).toBe('two')
    expect(ring.verify('download', 'm', old)).toBe(true)
    expect(ring.verify('download', 'm', ring.sign('download', 'm'))).toBe(true)
  })

  it('refuses another message, purpose, key id, and a retired key', () => {
    const signed = ring.sign('download', 'm')
    expect(ring.verify('download', 'n', signed)).toBe(false)
    expect(ring.verify('upload', 'm', signed)).toBe(false)
    expect(ring.verify('download', 'm', { ...signed, kid: 'one' })).toBe(false)
    expect(createKeyRing([first]).verify('download', 'm', signed)).toBe(false)
  })

  it('refuses every other spelling of a signature', () => {
    const { kid, signature } = ring.sign('download', 'm')
    const spellings = [
      `${signature}=`,
      ` ${signature}`,
      signature.slice(0, -1),
      `${signature}A`,
      signature.toUpperCase(),
      Buffer.from(signature, 'base64url').toString('hex'),
      '',
    ]
    for (const spelling of spellings)
      if (spelling !== signature)
        expect(ring.verify('download', 'm', { kid, signature: spelling })).toBe(false)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const letter of alphabet) {
      const other = signature.slice(0, -1) + letter
      expect(ring.verify('download', 'm', { kid, signature: other })).toBe(other === signature)
    }
  })

  it('refuses no key, a short secret, and a bad or repeated key id', () => {
    expect(() => createKeyRing([])).toThrow(expect.objectContaining({ reason: 'no-key' }))
    expect(() => createKeyRing([{ kid: 'a', secret: new Uint8Array(31) }])).toThrow(
      expect.objectContaining({ reason: 'weak-key' }),
    )
    expect(() => createKeyRing([{ kid: 'a b', secret: new Uint8Array(32) }])).toThrow(
      expect.objectContaining({ reason: 'bad-key-id' }),
    )
    expect(() => createKeyRing([first, first])).toThrow(expect.objectContaining({ reason: 'bad-key-id' }))
  })
})
