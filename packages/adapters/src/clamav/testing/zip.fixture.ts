import { deflateRawSync } from 'node:zlib'

const DEFLATED = 8
const ENCRYPTED = 1
const POLYNOMIAL = 0xedb88320

/** An archive of one file; `isEncrypted` only says so of it. @see PKWARE APPNOTE 4.3 */
export function zipOf(name: string, body: Uint8Array, { isEncrypted = false } = {}): Buffer {
  const packed = deflateRawSync(body)
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  fields.writeUInt16LE(isEncrypted ? ENCRYPTED : 0, 2)
  fields.writeUInt16LE(DEFLATED, 4)
  fields.writeUInt32LE(crc32(body), 10)
  fields.writeUInt32LE(packed.length, 14)
  fields.writeUInt32LE(body.byteLength, 18)
  fields.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed])
  const central = Buffer.concat([
    Buffer.from('PK\x01\x02\x14\0'),
    fields,
    Buffer.alloc(14),
    Buffer.from(name),
  ])
  const end = Buffer.alloc(18)
  end.writeUInt16LE(1, 4)
  end.writeUInt16LE(1, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(local.length, 12)
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end])
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let entry = byte
  for (let bit = 0; bit < 8; bit++) entry = (entry >>> 1) ^ (entry & 1 ? POLYNOMIAL : 0)
  return entry
})

function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}
