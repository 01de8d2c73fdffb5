/*
 * An Exif segment as a camera writes it (big-endian TIFF, IFD0): make, model, orientation.
 * Encoders on the command line leave it out, yet nearly every photo that people own has one.
 */

const ASCII = 2
const SHORT = 3
const IFD_ENTRY_BYTES = 12

function tiff(entries) {
  const values = []
  const directory = Buffer.alloc(2 + entries.length * IFD_ENTRY_BYTES + 4)
  let valueOffset = 8 + directory.length
  directory.writeUInt16BE(entries.length, 0)
  entries.forEach(({ tag, type, value }, index) => {
    const at = 2 + index * IFD_ENTRY_BYTES
    directory.writeUInt16BE(tag, at)
    directory.writeUInt16BE(type, at + 2)
    if (type === SHORT) {
      directory.writeUInt32BE(1, at + 4)
      directory.writeUInt16BE(value, at + 8)
      return
    }
    const text = Buffer.from(`${value}\0`, 'latin1')
    directory.writeUInt32BE(text.length, at + 4)
    directory.writeUInt32BE(valueOffset, at + 8)
    values.push(text)
    valueOffset += text.length
  })
  const header = Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8])
  return Buffer.concat([header, directory, ...values])
}

/** The same JPEG with an APP1 Exif segment straight after its start marker. */
export function withExif(jpeg) {
  if (jpeg.readUInt16BE(0) !== 0xffd8) throw new Error('exif: not a JPEG')
  const body = Buffer.concat([
    Buffer.from('Exif\0\0', 'latin1'),
    tiff([
      { tag: 0x010f, type: ASCII, value: 'Mediakeep Optical' },
      { tag: 0x0110, type: ASCII, value: 'Fixture One' },
      { tag: 0x0112, type: SHORT, value: 1 },
      { tag: 0x0132, type: ASCII, value: '2024:06:01 12:00:00' },
    ]),
  ])
  const marker = Buffer.from([0xff, 0xe1, 0, 0])
  marker.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([jpeg.subarray(0, 2), marker, body, jpeg.subarray(2)])
}
