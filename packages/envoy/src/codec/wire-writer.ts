/*
 * Messages are written from their last byte to their first: when the length of a message has to be said, it stands
 * already, so nothing is measured beforehand and nothing is copied into its parent. Fields come out in the reverse
 * order of the calls.
 */

/** Writes the fields of one message and of those within. */
export interface WireWriter {
  uint(field: number, value: number): void
  double(field: number, value: number): void
  text(field: number, value: string): void
  /** Empty messages are written as well. */
  message(field: number, write: () => void): void
}

const FIRST_BYTES = 4096

/** The message that `write` makes. */
export function writeMessage(write: (writer: WireWriter) => void): Buffer {
  let room = Buffer.allocUnsafe(FIRST_BYTES)
  let at = room.length

  function reserve(byteCount: number): number {
    if (byteCount > at) {
      const used = room.length - at
      const larger = Buffer.allocUnsafe(2 * room.length + byteCount)
      room.copy(larger, larger.length - used, at)
      at = larger.length - used
      room = larger
    }
    at -= byteCount
    return at
  }

  function varint(value: number): void {
    let byteCount = 1
    for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) byteCount += 1
    let rest = value
    let place = reserve(byteCount)
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) {
      room[place] = (rest % 0x80) + 0x80
      place += 1
    }
    room[place] = rest
  }

  const tag = (field: number, wireType: number): void => varint(field * 8 + wireType)

  const writer: WireWriter = {
    uint(field, value) {
      varint(value)
      tag(field, 0)
    },
    double(field, value) {
      const place = reserve(8)
      room.writeDoubleLE(value, place)
      tag(field, 1)
    },
    text(field, value) {
      const byteCount = Buffer.byteLength(value)
      const place = reserve(byteCount)
      room.write(value, place, 'utf8')
      varint(byteCount)
      tag(field, 2)
    },
    message(field, writeInner) {
      const end = room.length - at
      writeInner()
      varint(room.length - at - end)
      tag(field, 2)
    },
  }
  write(writer)
  // A copy of the right size: it is kept for as long as its answer is, the room is not.
  return Buffer.from(room.subarray(at))
}
