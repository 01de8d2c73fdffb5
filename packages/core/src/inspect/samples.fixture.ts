import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'

/* Bodies by their bytes, so that a test can lie about each of them. */

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u32be = (value: number): Buffer => u32(value).reverse()
const text = (value: string): Buffer => Buffer.from(value, 'latin1')

/** A plain picture, made by sharp. */
export const picture = (width = 30, height = 20): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#936' } })

/* PNG */

export const PNG_START: Buffer = Buffer.from('89504e470d0a1a0a', 'hex')

export function pngChunk(type: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([text(type), data])
  return Buffer.concat([u32be(data.length), body, u32be(crc32(body))])
}

/** `depth` 1 and `colour` 0: black and white. */
export const pngHeader = (width: number, height: number, depth = 8, colour = 2, interlace = 0): Buffer =>
  pngChunk(
    'IHDR',
    Buffer.concat([u32be(width), u32be(height), Buffer.from([depth, colour, 0, 0, interlace])]),
  )

export const png = (...chunks: readonly Buffer[]): Buffer =>
  Buffer.concat([PNG_START, ...chunks, pngChunk('IEND')])

/** The data of an 8-bit colour picture. */
export const pngData = (width: number, height: number): Buffer =>
  pngChunk('IDAT', deflateSync(Buffer.alloc(height * (1 + width * 3))))

/** The chunk that begins a frame of an APNG. */
export const frameControl = (index: number, width: number, height: number): Buffer =>
  pngChunk('fcTL', Buffer.concat([u32be(index), u32be(width), u32be(height), Buffer.alloc(14)]))

/* ICO */

/** An icon of one image. */
export function ico(image: Buffer): Buffer {
  const head = Buffer.alloc(22)
  head.set([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 32, 0])
  head.writeUInt32LE(image.length, 14)
  head.writeUInt32LE(22, 18)
  return Buffer.concat([head, image])
}

/* GIF */

/** Says that it is of this size; its pixel is one. */
const gifFrame = (side: number): Buffer =>
  Buffer.concat([Buffer.from('2c00000000', 'hex'), u16(side), u16(side), Buffer.from('000202440100', 'hex')])

/** An animation of so many frames, of one pixel each, on a canvas of any size. */
export const gif = (frames: number, width = 1, height = 1, side = 1): Buffer =>
  Buffer.concat([
    text('GIF89a'),
    u16(width),
    u16(height),
    Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255]),
    ...Array.from({ length: frames }, () => gifFrame(side)),
    Buffer.from([0x3b]),
  ])

/* RIFF */

export const riffChunk = (type: string, data: Uint8Array): Buffer =>
  Buffer.concat([text(type), u32(data.length), data, Buffer.alloc(data.length % 2)])
export const riff = (kind: string, ...chunks: readonly Buffer[]): Buffer =>
  riffChunk('RIFF', Buffer.concat([text(kind), ...chunks]))

/** The canvas of an extended WebP. */
export const webpCanvas = (width: number, height: number, flags: number): Buffer => {
  const data = Buffer.alloc(10)
  data.writeUInt8(flags, 0)
  data.writeUIntLE(width - 1, 4, 3)
  data.writeUIntLE(height - 1, 7, 3)
  return riffChunk('VP8X', data)
}

/* TIFF */

/** Pages of one byte a pixel. `next` tells where each page says that the following one is; 0 ends. */
export function tiff(
  pages: number,
  { width = 1, height = 1, next = (_page: number, usual: number): number => usual } = {},
): Buffer {
  const entries = (width: number, height: number): Buffer =>
    Buffer.concat([
      u16(2),
      ...[u16(256), u16(4), u32(1), u32(width)],
      ...[u16(257), u16(4), u32(1), u32(height)],
    ])
  const bytesPerPage = 2 + 24 + 4
  return Buffer.concat([
    text('II*\0'),
    u32(8),
    ...Array.from({ length: pages }, (_, page) =>
      Buffer.concat([
        entries(width, height),
        u32(next(page, page + 1 === pages ? 0 : 8 + (page + 1) * bytesPerPage)),
      ]),
    ),
  ])
}

/* JPEG */

export const jpegSegment = (marker: number, data: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0xff, marker]), u16(data.length + 2).reverse(), data])

/** Puts segments behind the first two bytes of a JPEG. */
export const withSegments = (jpeg: Buffer, ...segments: readonly Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])

/** Repeats the last scan of a JPEG until it has so many more. */
export function withScans(jpeg: Buffer, more: number): Buffer {
  const scan = jpeg.subarray(jpeg.lastIndexOf(Buffer.from([0xff, 0xda])), jpeg.length - 2)
  return Buffer.concat([jpeg.subarray(0, -2), ...Array.from({ length: more }, () => scan), jpeg.subarray(-2)])
}

/* ISO base media file format */

export const box = (type: string, ...body: readonly Uint8Array[]): Buffer => {
  const bytes = Buffer.concat(body)
  return Buffer.concat([u32be(bytes.length + 8), text(type), bytes])
}
const FULL = Buffer.alloc(4)

export interface MovieSample {
  readonly timescale?: number
  readonly duration?: number
  readonly tracks?: number
  readonly width?: number
  readonly height?: number
  /** What says where the data lie. Default: in this file. */
  readonly reference?: Buffer
  readonly brand?: string
  /** Seconds from 1904. */
  readonly madeAt?: number
  /** How pictures are turned: a, b, c and d of the matrix. */
  readonly turn?: readonly [number, number, number, number]
  /** Size of pictures as each track describes its samples. */
  readonly stored?: readonly [width: number, height: number]
}

/** A film without pictures: all its headers, and some data. */
export function movie({
  timescale = 1000,
  duration = 2500,
  tracks = 1,
  width = 640,
  height = 360,
  reference = box('url ', Buffer.from([0, 0, 0, 1])),
  brand = 'isom',
  madeAt = 0,
  turn: [a, b, c, d] = [1, 0, 0, 1],
  stored,
}: MovieSample = {}): Buffer {
  const mvhd = box(
    'mvhd',
    FULL,
    u32be(madeAt),
    Buffer.alloc(4),
    u32be(timescale),
    u32be(duration),
    Buffer.alloc(80),
  )
  const matrix = Buffer.alloc(36)
  for (const [at, part] of [
    [0, a],
    [4, b],
    [12, c],
    [16, d],
  ] as const)
    matrix.writeInt32BE(part * 0x10000, at)
  matrix.writeUInt32BE(0x40000000, 32)
  const tkhd = box('tkhd', FULL, Buffer.alloc(36), matrix, u32be(width * 65_536), u32be(height * 65_536))
  const description =
    stored === undefined
      ? []
      : [
          box(
            'stbl',
            box(
              'stsd',
              FULL,
              u32be(1),
              box('av01', Buffer.alloc(24), u32be(stored[0] * 65_536 + stored[1]), Buffer.alloc(50)),
            ),
          ),
        ]
  const trak = box(
    'trak',
    tkhd,
    box(
      'mdia',
      box('hdlr', FULL, Buffer.alloc(4), text('vide'), Buffer.alloc(13)),
      box('minf', box('dinf', box('dref', FULL, u32be(1), reference)), ...description),
    ),
  )
  return Buffer.concat([
    box('ftyp', text(brand), u32be(0), text(brand)),
    box('mdat', Buffer.alloc(64)),
    box('moov', mvhd, ...Array.from({ length: tracks }, () => trak)),
  ])
}

/** An AVIF whose one item claims this size. */
export const avif = (width: number, height: number): Buffer =>
  Buffer.concat([
    box('ftyp', text('avif'), u32be(0), text('avifmif1')),
    box(
      'meta',
      FULL,
      box('hdlr', FULL, Buffer.alloc(4), text('pict'), Buffer.alloc(13)),
      box('pitm', FULL, Buffer.from([0, 1])),
      box('iprp', box('ipco', box('ispe', FULL, u32be(width), u32be(height)))),
    ),
    box('mdat', Buffer.alloc(16)),
  ])

/* Matroska */

const element = (id: string, ...body: readonly Uint8Array[]): Buffer => {
  const bytes = Buffer.concat(body)
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(bytes.length) + 2n ** 56n)
  return Buffer.concat([Buffer.from(id, 'hex'), size, bytes])
}
const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}
/** WebM of 640 x 360 pixels and 4,250 ms, by what its segment holds. */
export const webm = (...inSegment: readonly Buffer[]): Buffer =>
  Buffer.concat([element('1a45dfa3', element('4282', text('webm'))), element('18538067', ...inSegment)])
export const INFO: Buffer = element(
  '1549a966',
  element('2ad7b1', Buffer.from([0x0f, 0x42, 0x40])),
  element('4489', float(4_250)),
)
export const TRACKS: Buffer = element(
  '1654ae6b',
  element('ae', element('e0', element('b0', Buffer.from([2, 128])), element('ba', Buffer.from([1, 104])))),
)

/* ZIP */

export interface ZipEntrySample {
  readonly name: string
  readonly data?: Buffer
  /** What the directory says; the truth where it is left out. */
  readonly told?: {
    readonly packed?: number
    readonly unpacked?: number
    readonly crc?: number
    readonly at?: number
  }
  readonly flags?: number
  readonly method?: number
  readonly mode?: number
  readonly extra?: Buffer
  /** Whether it has bytes of its own; without, another one's are pointed at. */
  readonly isWritten?: boolean
}

export interface ZipTold {
  readonly entries?: number
  readonly comment?: string
  /** Stands between the directory and its end. */
  readonly between?: Buffer
}

export function zip(
  entries: readonly ZipEntrySample[],
  { entries: told = entries.length, comment = '', between = Buffer.alloc(0) }: ZipTold = {},
): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const {
    name,
    data = Buffer.alloc(0),
    told = {},
    flags = 0,
    method = 0,
    mode = 0o100644,
    extra = Buffer.alloc(0),
    isWritten = true,
  } of entries) {
    const fields = Buffer.concat([u16(flags), u16(method), u32(0)])
    const crc = crc32(data)
    const own = Buffer.concat([
      text('PK\u0003\u0004'),
      u16(20),
      fields,
      u32(crc),
      u32(data.length),
      u32(data.length),
      u16(name.length),
      u16(0),
      text(name),
      data,
    ])
    const { packed = data.length, unpacked = data.length } = told
    directory.push(
      Buffer.concat([
        ...[
          text('PK\u0001\u0002'),
          u16(0x0314),
          u16(20),
          fields,
          u32(told.crc ?? crc),
          u32(packed),
          u32(unpacked),
        ],
        ...[
          u16(name.length),
          u16(extra.length),
          u16(0),
          u16(0),
          u16(0),
          u32(mode * 65_536),
          u32(told.at ?? at),
          text(name),
          extra,
        ],
      ]),
    )
    if (!isWritten) continue
    files.push(own)
    at += own.length
  }
  const listed = Buffer.concat(directory)
  return Buffer.concat([
    ...files,
    listed,
    between,
    ...[
      text('PK\u0005\u0006'),
      u16(0),
      u16(0),
      u16(told & 0xffff),
      u16(told & 0xffff),
      u32(listed.length),
      u32(at),
    ],
    ...[u16(comment.length), text(comment)],
  ])
}

/* Tar */

export interface TarEntrySample {
  readonly name: string
  readonly data?: Buffer
  readonly kind?: string
}

export function tar(entries: readonly TarEntrySample[]): Buffer {
  return Buffer.concat([
    ...entries.map(({ name, data = Buffer.alloc(0), kind = '0' }) => {
      const head = Buffer.alloc(512)
      head.write(name, 0, 'latin1')
      head.write('0000644\0', 100)
      head.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124)
      head.write('        ', 148)
      head.write(kind, 156)
      head.write('ustar\u000000', 257)
      const sum = head.reduce((total, byte) => total + byte, 0)
      head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
      return Buffer.concat([head, data, Buffer.alloc((512 - (data.length % 512)) % 512)])
    }),
    Buffer.alloc(1024),
  ])
}
