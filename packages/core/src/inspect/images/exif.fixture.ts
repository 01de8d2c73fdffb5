/* EXIF by its entries, so that a test can lie about each of them. */

export interface ExifEntry {
  readonly tag: number
  readonly type: number
  /** How many the entry says there are. */
  readonly count: number
  readonly value: Buffer
}

export interface ExifTree {
  readonly image?: readonly ExifEntry[]
  readonly camera?: readonly ExifEntry[]
  readonly position?: readonly ExifEntry[]
}

/** Makers of entries in one byte order. */
export interface ExifMaker {
  text(tag: number, value: string | Buffer): ExifEntry
  short(tag: number, value: number): ExifEntry
  long(tag: number, value: number): ExifEntry
  ratios(tag: number, ...values: readonly (readonly [number, number])[]): ExifEntry
  /** The block, from its byte order on. */
  block(tree: ExifTree): Buffer
}

/** Makes EXIF in the byte order of Intel (`II`) or Motorola (`MM`). */
export function exifMaker(order: 'II' | 'MM' = 'II'): ExifMaker {
  const isLittle = order === 'II'
  const u16 = (value: number): Buffer => {
    const bytes = Buffer.alloc(2)
    if (isLittle) bytes.writeUInt16LE(value)
    else bytes.writeUInt16BE(value)
    return bytes
  }
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    if (isLittle) bytes.writeUInt32LE(value)
    else bytes.writeUInt32BE(value)
    return bytes
  }
  const long = (tag: number, value: number): ExifEntry => ({ tag, type: 4, count: 1, value: u32(value) })
  const directory = (entries: readonly ExifEntry[], at: number): Buffer => {
    let valueAt = at + 2 + entries.length * 12 + 4
    const values: Buffer[] = []
    const rows = entries.map(({ tag, type, count, value }) => {
      const isInside = value.length <= 4
      const place = isInside ? Buffer.concat([value, Buffer.alloc(4 - value.length)]) : u32(valueAt)
      if (!isInside) {
        values.push(value)
        valueAt += value.length
      }
      return Buffer.concat([u16(tag), u16(type), u32(count), place])
    })
    return Buffer.concat([u16(entries.length), ...rows, u32(0), ...values])
  }
  return {
    text(tag, value) {
      const bytes = Buffer.concat([Buffer.from(value), Buffer.alloc(1)])
      return { tag, type: 2, count: bytes.length, value: bytes }
    },
    short: (tag, value) => ({ tag, type: 3, count: 1, value: u16(value) }),
    long,
    ratios: (tag, ...values) => ({
      tag,
      type: 5,
      count: values.length,
      value: Buffer.concat(values.flat().map(u32)),
    }),
    block({ image = [], camera, position }) {
      const all = (cameraAt: number, positionAt: number): Buffer =>
        directory(
          [
            ...image,
            ...(camera === undefined ? [] : [long(0x8769, cameraAt)]),
            ...(position === undefined ? [] : [long(0x8825, positionAt)]),
          ],
          8,
        )
      const cameraAt = 8 + all(0, 0).length
      const cameraBytes = camera === undefined ? Buffer.alloc(0) : directory(camera, cameraAt)
      const positionAt = cameraAt + cameraBytes.length
      const positionBytes = position === undefined ? Buffer.alloc(0) : directory(position, positionAt)
      return Buffer.concat([
        Buffer.from(order),
        u16(42),
        u32(8),
        all(cameraAt, positionAt),
        cameraBytes,
        positionBytes,
      ])
    },
  }
}

/** What a phone writes. */
export function phoneExif(order: 'II' | 'MM' = 'II', orientation = 6): Buffer {
  const { block, text, short, ratios } = exifMaker(order)
  return block({
    image: [text(0x010f, 'Acme'), text(0x0110, 'Phone 3'), short(0x0112, orientation)],
    camera: [
      ratios(0x829a, [1, 250]),
      ratios(0x829d, [17, 10]),
      short(0x8827, 64),
      text(0x9003, '2024:06:01 12:30:45'),
      text(0x9011, '+02:00'),
      ratios(0x920a, [685, 100]),
      text(0xa434, 'Acme back camera 6.85mm'),
    ],
    position: [
      text(1, 'S'),
      ratios(2, [33, 1], [51, 1], [3540, 100]),
      text(3, 'E'),
      ratios(4, [151, 1], [12, 1], [4000, 100]),
    ],
  })
}

/** What is to be read of it. */
export const PHONE_FACTS = {
  captureTime: '2024-06-01T12:30:45+02:00',
  camera: {
    make: 'Acme',
    model: 'Phone 3',
    lens: 'Acme back camera 6.85mm',
    exposureSeconds: 0.004,
    fNumber: 1.7,
    iso: 64,
    focalLengthMm: 6.85,
  },
} as const
export const PHONE_POSITION = { latitude: -33.859833, longitude: 151.211111 } as const
