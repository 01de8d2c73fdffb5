import { box } from '../samples.fixture.ts'
import { u32be } from './raw.fixture.ts'

/* Headers of images that no browser shows, of any size. */

/** What ffmpeg and jxrlib write before the pixels of 123 x 45; of JPEG 2000 also as a bare codestream. */
const REAL_JP2 =
  '0000000c6a5020200d0a870a00000014667479706a703220000000006a7032200000002d6a70326800000016696864720000002d0000007b0003080700000000000f636f6c720100000000001000001af76a703263ff4fff51002f00000000007b0000002d00000000000000000000010000000100000000000000000003070101'
export const REAL: readonly (readonly [type: string, hex: string])[] = [
  ['image/jp2', REAL_JP2],
  ['image/j2c', REAL_JP2.slice(REAL_JP2.indexOf('ff4fff51'))],
  [
    'image/jls',
    'ffd8fff7001108002d007b03011100021100031100ffda000c03010002000300000100ff4495fd73ff7df17ffeef76d7ff7ffeeefb7fff7fff53ff7fff7ffeff7fff7ffe',
  ],
  [
    'image/vnd.ms-photo',
    '4949bc012000000024c3dd6f034efe4bb1853d77768dc90c0000000000000000080001bc0100100000000800000002bc0400010000000000000080bc0400010000007b00000081bc0400010000002d00000082bc0b00010000000000c04283bc0b00010000000000c042c0bc04000100000086000000c1bc0400010000009f2d0000',
  ],
]

const u16be = (value: number): Buffer => Buffer.of(value >> 8, value & 255)
/** Seven bits a byte. */
const sevens = (value: number): Buffer => {
  const bytes = [value % 128]
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
    bytes.unshift(128 + (left % 128))
  return Buffer.from(bytes)
}

/** The image may begin at any place of its grid. */
export const j2c = (width: number, height: number, from = 0): Buffer =>
  Buffer.concat([
    Buffer.from('ff4fff51002f0000', 'hex'),
    ...[width + from, height + from, from, from].map(u32be),
    Buffer.alloc(24),
  ])
export const jp2 = (header: readonly [number, number] | undefined, ...rest: readonly Buffer[]): Buffer =>
  Buffer.concat([
    box('jP  ', Buffer.from('0d0a870a', 'hex')),
    box('ftyp', Buffer.from('jp2 \0\0\0\0jp2 ')),
    ...(header === undefined
      ? []
      : [box('jp2h', box('ihdr', u32be(header[1]), u32be(header[0]), Buffer.alloc(6)))]),
    ...rest,
  ])
export const icns = (...images: readonly Buffer[]): Buffer => {
  const entries = images
    .map((image) => box('ic09', image))
    .map((entry) => {
      // The name comes first here, and the length counts both.
      entry.writeUInt32BE(entry.length, 4)
      entry.write('ic09')
      return entry
    })
  const length = entries.reduce((sum, entry) => sum + entry.length, 8)
  return Buffer.concat([Buffer.from('icns'), u32be(length), ...entries])
}
export const jpegLs = (width: number, height: number): Buffer =>
  Buffer.concat([Buffer.from('ffd8fff7001108', 'hex'), u16be(height), u16be(width), Buffer.alloc(40)])
export const xcf = (width: number, height: number): Buffer =>
  Buffer.concat([Buffer.from('gimp xcf v011\0'), u32be(width), u32be(height), Buffer.alloc(40)])
export const ktx = (
  width: number,
  height: number,
  more: readonly number[] = [0, 0, 1],
  isLittle = true,
): Buffer => {
  const bytes = Buffer.alloc(80)
  Buffer.from('ab4b5458203131bb0d0a1a0a', 'hex').copy(bytes)
  const fields = [
    [12, 0x04030201],
    [36, width],
    [40, height],
    ...more.map((value, index) => [44 + index * 4, value]),
  ]
  for (const [at = 0, value = 0] of fields)
    if (isLittle) bytes.writeUInt32LE(value, at)
    else bytes.writeUInt32BE(value, at)
  return bytes
}
export const flif = (width: number, height: number, frames = 1): Buffer =>
  Buffer.concat([
    Buffer.from(frames === 1 ? 'FLIF\x331' : 'FLIF\x531'),
    sevens(width - 1),
    sevens(height - 1),
    ...(frames === 1 ? [] : [sevens(frames - 2)]),
    Buffer.alloc(40),
  ])
export const bpg = (width: number, height: number): Buffer =>
  Buffer.concat([Buffer.from('425047fb2000', 'hex'), sevens(width), sevens(height), Buffer.alloc(40)])
/** Two entries of a directory. */
export const jxr = (width: number, height: number): Buffer => {
  const entry = (tag: number, value: number): Buffer => {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt16LE(tag)
    bytes.writeUInt16LE(4, 2)
    bytes.writeUInt32LE(1, 4)
    bytes.writeUInt32LE(value, 8)
    return bytes
  }
  return Buffer.concat([
    Buffer.from('4949bc01080000000200', 'hex'),
    entry(0xbc80, width),
    entry(0xbc81, height),
    Buffer.alloc(40),
  ])
}
