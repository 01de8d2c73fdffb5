import { createCipheriv } from 'node:crypto'
import { expect, it } from 'vitest'
import { SNIFF_BYTES, type Sniffed, sniff } from './sniff.ts'

const typeOf = async (bytes: Uint8Array): Promise<string> => {
  const sniffed: Sniffed = await sniff(bytes, true)
  return sniffed.kind === 'unknown' ? 'unknown' : sniffed.contentType
}

const framed = (header: readonly number[], length: number): Buffer => {
  const frame = Buffer.alloc(length, 0x11)
  Buffer.from(header).copy(frame)
  return frame
}
/** 128 kbit/s at 44.1 kHz. */
const MP3_FRAME = framed([0xff, 0xfb, 0x90, 0x64], 417)
/** 44.1 kHz, two channels. */
const ADTS_FRAME = framed(
  [0xff, 0xf1, 0x50, 0x80 | (300 >> 11), (300 >> 3) & 0xff, ((300 & 7) << 5) | 0x1f, 0xfc],
  300,
)
const TS_PACKET = framed([0x47, 0x40, 0x00, 0x10], 188)
const BLU_RAY_PACKET = Buffer.concat([Buffer.from([0x11, 0x22, 0x33, 0x44]), TS_PACKET])
/** 96 kbit/s at 44.1 kHz: an odd code has a word more. */
const AC3_FRAMES = [0x4c, 416, 0x4d, 418, 0x1c, 768, 0x9c, 1_152].flatMap((code, at, all) =>
  at % 2 === 0 ? [framed([0x0b, 0x77, 1, 2, code, 0x40], all[at + 1] ?? 0)] : [],
)
const EAC3_FRAME = framed([0x0b, 0x77, 0x00, 0xcf, 0x72, 0x87], 416)
const arj = (fileType: number): Buffer => framed([0x60, 0xea, 41, 0, 34, 11, 1, 2, 0x10, 0, fileType], 80)
const cpio = (name: string): Buffer => {
  const bytes = framed([0xc7, 0x71], 80)
  bytes.writeUInt16LE(name.length + 1, 20)
  bytes.write(`${name}\0`, 26)
  return bytes
}
const JUNK = Buffer.alloc(900, 0x9c)

it.each([
  ['two frames of MP3', 'audio/mpeg', [MP3_FRAME, MP3_FRAME]],
  ['one frame of MP3 and no more', 'audio/mpeg', [MP3_FRAME]],
  [
    'a tag before frames of MP3',
    'audio/mpeg',
    [Buffer.from('ID3\x03\0\0\0\0\0\x0a'), Buffer.alloc(10), MP3_FRAME, MP3_FRAME],
  ],
  ['two frames of AAC', 'audio/aac', [ADTS_FRAME, ADTS_FRAME]],
  ['packets of a transport stream', 'video/mp2t', [TS_PACKET, TS_PACKET, TS_PACKET]],
  ['packets of a Blu-ray', 'video/mp2t', [BLU_RAY_PACKET, BLU_RAY_PACKET, BLU_RAY_PACKET]],
  ['a file of compress', 'application/x-compress', [Buffer.of(0x1f, 0x9d, 0x90), JUNK]],
  ...AC3_FRAMES.map(
    (frame) => [`AC-3 of ${frame.length} bytes`, 'audio/vnd.dolby.dd-raw', [frame, frame]] as const,
  ),
  ['E-AC-3', 'audio/vnd.dolby.dd-raw', [EAC3_FRAME, EAC3_FRAME]],
  ['a bitmap', 'image/bmp', [Buffer.from('BM\x4c\0\0\0', 'latin1'), JUNK]],
  ['an ARJ archive', 'application/x-arj', [arj(2)]],
  ['a binary cpio archive', 'application/x-cpio', [cpio('etc/passwd')]],
  ['a cpio archive in ASCII', 'application/x-cpio', [Buffer.from('070707'), JUNK]],
  ['a program', 'application/x-msdownload', [Buffer.from('MZ'), JUNK]],
] satisfies readonly (readonly [string, string, readonly Buffer[]])[])('%s: %s', async (_, type, parts) =>
  expect(await typeOf(Buffer.concat(parts))).toBe(type),
)

it.each([
  ['a frame of MP3 with none behind', [MP3_FRAME, JUNK]],
  ['the first bits of MP3', [Buffer.of(0xff, 0xfb), JUNK]],
  ['a frame of AAC with none behind', [ADTS_FRAME, JUNK]],
  ['one packet', [TS_PACKET, Buffer.of(0x47), JUNK]],
  ['the first bits of compress', [Buffer.of(0x1f, 0x9d, 0xff), JUNK]],
  ['a frame of AC-3 with none behind', [AC3_FRAMES[0] ?? JUNK, JUNK]],
  ['a frame of E-AC-3 with none behind', [EAC3_FRAME, JUNK]],
  [
    'text in Windows-1252 that begins like a bitmap',
    [Buffer.from('BMW f\xfcr alle, jeden Tag und immer', 'latin1')],
  ],
  ['the first bytes of ARJ', [arj(0x9c)]],
  ['the first bytes of cpio', [Buffer.of(0xc7, 0x71), JUNK]],
])('%s is nothing that is known', async (_, parts) =>
  expect(await typeOf(Buffer.concat(parts))).toBe('unknown'),
)

it('bytes that mean nothing are hardly ever taken for a sound', async () => {
  // The same bytes in every run.
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const taken: string[] = []
  for (let n = 0; n < 20_000; n++) {
    const type = await typeOf(cipher.update(Buffer.alloc(n % 2 === 0 ? 64 : 600)))
    if (/^(audio|video)\/|compress|arj|cpio/.test(type)) taken.push(type)
  }
  expect(taken).toEqual([])
  expect(await typeOf(cipher.update(Buffer.alloc(SNIFF_BYTES)))).toBe('unknown')
})
