import { box } from '../samples.fixture.ts'
import { exifMaker } from './exif.fixture.ts'

/* What cameras, Photoshop and JPEG XL begin with, of any size. */

export const u32be = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The beginning of a JPEG XL: fields of so many bits, the lowest first. */
function codestream(...fields: readonly (readonly [value: number, bits: number])[]): Buffer {
  const bits = fields.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, bit) => Math.floor(value / 2 ** bit) % 2),
  )
  const bytes = Buffer.alloc(40)
  bytes.set([0xff, 0x0a])
  for (const [index, bit] of bits.entries())
    bytes[2 + (index >>> 3)] = (bytes[2 + (index >>> 3)] ?? 0) | (bit << (index & 7))
  return bytes
}
/** Of any size, with an orientation where it is not 1. */
export const jxl = (width: number, height: number, orientation = 1): Buffer =>
  codestream(
    ...([
      [0, 1],
      [3, 2],
      [height - 1, 30],
      [0, 3],
      [3, 2],
      [width - 1, 30],
    ] as const),
    ...(orientation === 1
      ? ([[1, 1]] as const)
      : ([
          [0, 1],
          [1, 1],
          [orientation - 1, 3],
        ] as const)),
  )
export const boxed = (...boxes: readonly Buffer[]): Buffer =>
  Buffer.concat([
    box('JXL ', Buffer.from('0d0a870a', 'hex')),
    box('ftyp', Buffer.from('jxl \0\0\0\0jxl ')),
    ...boxes,
  ])

export function psd(width: number, height: number, version = 1): Buffer {
  const head = Buffer.alloc(60)
  head.write('8BPS')
  head.writeUInt16BE(version, 4)
  head.writeUInt16BE(3, 12)
  head.writeUInt32BE(height, 14)
  head.writeUInt32BE(width, 18)
  return head
}

const { block, long, short, text } = exifMaker()
/** A preview, and below it the picture of the sensor. */
export function raw(width: number, height: number): Buffer {
  const at = 8 + 2 + 7 * 12 + 4
  const image = [
    long(254, 1),
    long(256, 160),
    long(257, 120),
    short(274, 8),
    long(330, at + 5),
    text(271, 'Ac'),
    short(50_706, 1),
  ]
  const below = block({ image: [long(254, 0), long(256, width), long(257, height)] }).subarray(8)
  return Buffer.concat([block({ image }), Buffer.alloc(5), below])
}
export function raf(width: number, height: number, preview = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(128)
  head.write('FUJIFILMCCD-RAW ')
  head.writeUInt32BE(150, 84)
  head.writeUInt32BE(128, 92)
  const table = Buffer.concat([
    u32be(2),
    Buffer.from([0x01, 0x30, 0, 2, 9, 9]),
    Buffer.from([0x01, 0x00, 0, 4]),
    Buffer.alloc(4),
  ])
  table.writeUInt16BE(height, 14)
  table.writeUInt16BE(width, 16)
  return Buffer.concat([head, table, Buffer.alloc(150 - 128 - table.length), preview])
}
export const cr3 = (width: number, height: number): Buffer => {
  const image = block({ image: [long(256, width), long(257, height), short(274, 6), text(271, 'Acme')] })
  const canon = box('uuid', Buffer.from('85c0b687820f11e08111f4ce462b6a48', 'hex'), box('CMT1', image))
  return Buffer.concat([box('ftyp', Buffer.from('crx \0\0\0\0crx ')), box('moov', canon)])
}

/** Made by libjxl 0.11 through ffmpeg. */
export const REAL_JXL: readonly (readonly [number, number, string])[] = [
  [
    30,
    16,
    'ff0a78003a0c0012880200dc005de5120000152aa38c1bbc9cebf9f24387c5b48deb0c6db56d6149a2c8383649277048128b30c60598c10000cc5c000000c0301b402509',
  ],
  [
    640,
    480,
    'ff0af8be01001288020060820c0c000000000000000000005de5120000151a9204140c000060252b525050b80767e8',
  ],
  [
    1000,
    700,
    'ff0ada15e87c0c0012880200b842170c000000000000000000000000000000000000005de5120088a0422536ae4120',
  ],
]
