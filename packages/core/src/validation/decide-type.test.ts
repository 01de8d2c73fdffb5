import { describe, expect, it } from 'vitest'
import type { MediaPolicy } from '../contracts/policy.ts'
import { checkDeclaredType, decideType } from './decide-type.ts'
import { DEFAULT_POLICIES } from './policies.ts'
import { sniff } from './sniff.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de', 'hex')
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')
const GIF_JS = Buffer.from('GIF89a/*\u0000\u0000*/=1;alert(1)', 'latin1')
const ZIP = Buffer.from('504b0304140000000800', 'hex')
const text = (value: string): Buffer => Buffer.from(value)

async function decide(
  bytes: Buffer,
  declared?: string,
  filename?: string,
  policies: readonly MediaPolicy[] = DEFAULT_POLICIES,
): Promise<string> {
  return decideType({ sniffed: await sniff(bytes, true), declared, filename }, policies).contentType
}

describe('the verified type', () => {
  const taken: readonly (readonly [string, Buffer, string | undefined, string | undefined, string])[] = [
    ['PNG by magic alone', PNG, undefined, undefined, 'image/png'],
    ['PNG declared and named so', PNG, 'image/png', 'a.png', 'image/png'],
    ['JPEG as image/jpg, .jpeg', JPEG, 'image/jpg', 'a.jpeg', 'image/jpeg'],
    ['JPEG declared as octets', JPEG, 'application/octet-stream', 'a.jpg', 'image/jpeg'],
    ['a note', text('hello\nworld'), 'text/plain', 'note.txt', 'text/plain'],
    ['a note without a name', text('hello'), undefined, undefined, 'text/plain'],
    ['CSV is finer than text', text('a,b\n1,2'), undefined, 'table.csv', 'text/csv'],
    ['JSON is finer than text', text('{"a":1}'), 'application/json', undefined, 'application/json'],
    ['SVG', text('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml', 'a.svg', 'image/svg+xml'],
    [
      'SVG behind declaration, comment and doctype',
      text('\ufeff<?xml version="1.0"?><!-- <html> --><!DOCTYPE svg [<!ENTITY a "b">]><svg/>'),
      undefined,
      'a.svg',
      'image/svg+xml',
    ],
    [
      'SVG in UTF-16',
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('<svg/>', 'utf16le')]),
      undefined,
      'a.svg',
      'image/svg+xml',
    ],
    [
      'opaque bytes that claim nothing',
      Buffer.from([0, 1, 2, 3, 250]),
      undefined,
      'a.bin',
      'application/octet-stream',
    ],
  ]
  for (const [name, bytes, declared, filename, contentType] of taken) {
    it(`takes ${name} as ${contentType}`, async () => {
      expect(await decide(bytes, declared, filename)).toBe(contentType)
    })
  }

  const refused: readonly (readonly [string, Buffer, string | undefined, string | undefined, string])[] = [
    ['PNG declared as JPEG', PNG, 'image/jpeg', undefined, 'content-type-mismatch'],
    ['PNG named .jpg', PNG, undefined, 'a.jpg', 'extension-mismatch'],
    [
      'HTML named .jpg',
      text('<!doctype html><script>1</script>'),
      'image/jpeg',
      'a.jpg',
      'content-type-mismatch',
    ],
    ['HTML as text', text('  <html><body>x'), 'text/plain', 'a.txt', 'content-type-mismatch'],
    ['HTML as HTML', text('<!DOCTYPE html><p>'), 'text/html', 'a.html', 'type-not-allowed'],
    [
      'HTML that begins as prose',
      text('hello <script>alert(1)</script>'),
      undefined,
      undefined,
      'type-not-allowed',
    ],
    [
      'XHTML',
      text('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'),
      undefined,
      undefined,
      'type-not-allowed',
    ],
    [
      'a playlist named .mp4',
      text('#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd'),
      'video/mp4',
      'a.mp4',
      'content-type-mismatch',
    ],
    ['a playlist', text('#EXTM3U\n'), undefined, undefined, 'type-not-allowed'],
    ['a script', text('#!/bin/sh\nrm -rf /'), undefined, undefined, 'type-not-allowed'],
    ['PHP', text('<?php system("id");'), undefined, 'a.txt', 'extension-mismatch'],
    ['an archive', ZIP, 'application/zip', 'a.zip', 'type-not-allowed'],
    [
      'opaque bytes declared as a JPEG',
      Buffer.from([0, 1, 2, 3]),
      'image/jpeg',
      undefined,
      'content-type-mismatch',
    ],
    ['opaque bytes named .mp4', Buffer.from([0, 1, 2, 3]), undefined, 'a.mp4', 'extension-mismatch'],
    ['a text declared as PNG', text('hello'), 'image/png', undefined, 'content-type-mismatch'],
    ['SVG as PNG', text('<svg/>'), 'image/png', 'a.png', 'content-type-mismatch'],
    [
      'an ELF program',
      Buffer.concat([Buffer.from('7f454c460201010000000000000000000200', 'hex'), Buffer.alloc(64)]),
      undefined,
      undefined,
      'type-not-allowed',
    ],
    ['a GIF with script behind, named .js', GIF_JS, undefined, 'a.js', 'extension-mismatch'],
  ]
  for (const [name, bytes, declared, filename, reason] of refused) {
    it(`refuses ${name}: ${reason}`, async () => {
      await expect(decide(bytes, declared, filename)).rejects.toMatchObject({
        code: 'MEDIA_TYPE_REFUSED',
        reason,
      })
    })
  }

  it('takes unknown bytes only where a policy says so', async () => {
    await expect(
      decide(Buffer.from([0, 1, 2]), undefined, undefined, [{ match: '*' }]),
    ).rejects.toMatchObject({ reason: 'type-unrecognised' })
    expect(
      await decide(Buffer.from([0, 1, 2]), undefined, undefined, [{ match: '*', allowUnrecognised: true }]),
    ).toBe('application/octet-stream')
  })

  it('uses the first policy that matches', async () => {
    await expect(
      decide(PNG, undefined, undefined, [{ match: 'image/png', refuse: true }, { match: '*' }]),
    ).rejects.toMatchObject({ reason: 'type-not-allowed' })
  })

  it('refuses a declared type that no policy takes before any byte, and lets finer names of taken types pass', () => {
    expect(() => checkDeclaredType('text/html', DEFAULT_POLICIES)).toThrow(
      expect.objectContaining({ reason: 'type-not-allowed' }),
    )
    expect(() => checkDeclaredType('application/zip', DEFAULT_POLICIES)).toThrow()
    for (const type of [undefined, 'application/octet-stream', 'image/jpg', 'video/mp4', 'audio/x-m4a'])
      expect(() => checkDeclaredType(type, DEFAULT_POLICIES)).not.toThrow()
  })

  it('never throws for any bytes', async () => {
    for (let seed = 0; seed < 300; seed++) {
      const bytes = Buffer.alloc(seed % 97, seed).map((value, at) => (value * 31 + at * seed * 7) & 255)
      expect((await sniff(bytes, true)).kind).toMatch(/magic|text|unknown/)
    }
  })
})
