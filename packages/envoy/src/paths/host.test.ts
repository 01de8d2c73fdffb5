import { expect, it } from 'vitest'
import { isOneHost } from './host.ts'

it.each([
  '',
  'cdn.example',
  'CDN.Example.',
  'cdn.example:443',
  'cdn_1.example',
  '127.0.0.1:9000',
  '[::1]',
  '[fe80::1]:80',
])('takes %j', (host) => expect(isOneHost(host)).toBe(true))

it.each([
  'a.example,b.example',
  'a.example, b.example',
  'a@b.example',
  'a.example/media',
  'a.example?x',
  'a.example#x',
  'a.example\\b',
  'a.example:80:80',
  'a.example:port',
  '[::1',
  '::1',
  'a b',
  'a\tb',
  'a\0',
  'caf\u00e9.example',
  'a'.repeat(262),
])('refuses %j', (host) => expect(isOneHost(host)).toBe(false))
