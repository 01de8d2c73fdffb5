import { GRPC_STATUS, type GrpcStatus } from './call.ts'

/*
 * Length-Prefixed-Message: a flag of compression, four bytes of length, the message.
 * See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

const PREFIX_BYTES = 5

/** Why what was sent is not one message. */
export interface FramingFault {
  readonly status: GrpcStatus
  readonly details: string
}

const fault = (status: GrpcStatus, details: string): FramingFault => ({ status, details })
const COMPRESSED = fault(GRPC_STATUS.internal, 'a message is said to be compressed, and no encoding is named')
const INCOMPLETE = fault(GRPC_STATUS.internal, 'the call ended before its message')
const SEVERAL = fault(GRPC_STATUS.internal, 'the call takes one message, and more were sent')

export function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  return frame
}

/** Takes the one message of a call, in pieces of any size; holds at most `maxBytes` of it. */
export interface MessageReader {
  /** @returns why nothing more needs to be read. */
  take(chunk: Buffer): FramingFault | undefined
  /** At the end of what the client sends. */
  finish(): Buffer | FramingFault
}

export function createMessageReader(maxBytes: number): MessageReader {
  /** All that came, as long as it is one piece or no length is known. */
  let start: Buffer | undefined
  /** What came of a message in several pieces: however many there are, it takes no more than its length. */
  let message: Buffer | undefined
  let filled = 0

  function begin(first: Buffer): FramingFault | undefined {
    start = first
    if (first.length < PREFIX_BYTES) return undefined
    const messageBytes = first.readUInt32BE(1)
    if (messageBytes > maxBytes)
      return fault(
        GRPC_STATUS.resourceExhausted,
        `a message of ${messageBytes} bytes, the limit is ${maxBytes}`,
      )
    if (first[0] !== 0) return COMPRESSED
    filled = first.length - PREFIX_BYTES
    if (filled > messageBytes) return SEVERAL
    // Nearly always it is whole: then nothing is copied.
    if (filled === messageBytes) message = first.subarray(PREFIX_BYTES)
    else {
      message = Buffer.allocUnsafeSlow(messageBytes)
      message.set(first.subarray(PREFIX_BYTES))
    }
    return undefined
  }

  return {
    take(chunk) {
      if (message === undefined) return begin(start === undefined ? chunk : Buffer.concat([start, chunk]))
      if (filled + chunk.length > message.length) return SEVERAL
      message.set(chunk, filled)
      filled += chunk.length
      return undefined
    },
    finish: () => (message === undefined || filled < message.length ? INCOMPLETE : message),
  }
}
