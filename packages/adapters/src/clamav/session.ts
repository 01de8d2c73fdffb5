import type { Readable } from 'node:stream'
import { type ByteSource, type ScannerVersion, sizeMismatch } from '@mediakeep/core'
import type { Connection } from './connection.ts'
import { scannerError } from './errors.ts'
import { parseScanReply, parseVersion, type ScanReply } from './replies.ts'

/*
 * A session of clamd: several commands on one connection, numbered from 1, each reply under the number of its command. So one
 * daemon says what it is and then scans. Asked by a connection of its own, another may answer behind the same address.
 * The version it says is that of the database it has loaded, not of the files on its disk.
 */

const FRAME_BYTES = 128 * 1024
const LENGTH_BYTES = 4
const LAST_FRAME = new Uint8Array(LENGTH_BYTES)
const command = (words: string): Uint8Array => Buffer.from(`${words}\0`)

/** Begins the session. */
export async function askVersion(name: string, connection: Connection): Promise<ScannerVersion> {
  await connection.send(command('zIDSESSION\0zVERSION'))
  const version = parseVersion(await numbered(name, connection, 1))
  if (version === undefined) throw scannerError(name, 'scanner-garbled')
  return version
}

/** Sends the body in a session that has begun, and resolves with what clamd says of all of it. */
export async function askVerdict(
  name: string,
  connection: Connection,
  source: ByteSource,
  signal: AbortSignal,
): Promise<Exclude<ScanReply, { verdict: 'failed' }>> {
  const isWhole =
    (await connection.send(command('zINSTREAM'))) && (await sendBody(connection, source, signal))
  const reply = parseScanReply(await numbered(name, connection, 2))
  if (reply === undefined) throw scannerError(name, 'scanner-garbled')
  if (reply.verdict === 'failed') throw scannerError(name, 'scanner-failed')
  // Before it has seen all of a body, clamd can say of it only that it is too long.
  const isTooLong = reply.verdict === 'unscannable' && reply.reason === 'size-limit'
  if (!isWhole && !isTooLong) throw scannerError(name, 'scanner-garbled')
  return reply
}

async function numbered(name: string, connection: Connection, number: number): Promise<string> {
  const reply = await connection.reply()
  const prefix = `${number}: `
  if (!reply.startsWith(prefix)) throw scannerError(name, 'scanner-garbled')
  return reply.slice(prefix.length)
}

/**
 * Sends what the source gives, as fast as it is taken; `false` when the answer came first.
 * @throws MediaError MEDIA_BAD_INPUT `size-mismatch`: a verdict about less, or more, than the body is none. What the source throws.
 */
async function sendBody(connection: Connection, source: ByteSource, signal: AbortSignal): Promise<boolean> {
  const stream: Readable = source.open({ signal })
  let isStopped = false
  connection.onAnswer(() => {
    isStopped = true
    stream.destroy() // a source that waits would not notice
  })
  let givenBytes = 0
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      givenBytes += chunk.byteLength
      if (givenBytes > source.sizeBytes) throw sizeMismatch(source.sizeBytes, givenBytes)
      for (const frame of framesOf(chunk)) if (!(await connection.send(frame))) return false
    }
  } catch (error) {
    if (isStopped) return false
    throw error
  }
  if (isStopped) return false
  if (givenBytes < source.sizeBytes) throw sizeMismatch(source.sizeBytes, givenBytes)
  return await connection.send(LAST_FRAME)
}

function* framesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < chunk.byteLength; start += FRAME_BYTES) {
    const piece = chunk.subarray(start, start + FRAME_BYTES)
    const frame = Buffer.allocUnsafe(LENGTH_BYTES + piece.byteLength)
    frame.writeUInt32BE(piece.byteLength)
    frame.set(piece, LENGTH_BYTES)
    yield frame
  }
}
