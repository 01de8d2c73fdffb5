import { fieldOf, readEnd, readTag, skipField, type WireReader } from './wire-reader.ts'
import { writeMessage } from './wire-writer.ts'

/** ServingStatus of grpc.health.v1. */
export type ServingStatus = 'serving' | 'not-serving' | 'unknown-service'

const NUMBERS: Readonly<Record<ServingStatus, number>> = {
  serving: 1,
  'not-serving': 2,
  'unknown-service': 3,
}

/**
 * The service a HealthCheckRequest asks about; empty for the whole server.
 * @throws MediaError MEDIA_BAD_INPUT when it is none.
 */
export function readHealthRequest(bytes: Buffer): string {
  const reader: WireReader = { bytes, at: 0 }
  let service = ''
  while (reader.at < bytes.length) {
    const tag = readTag(reader, bytes.length)
    if (fieldOf(tag) !== 1) {
      skipField(reader, tag, bytes.length)
      continue
    }
    const end = readEnd(reader, tag, bytes.length)
    service = bytes.toString('utf8', reader.at, end)
    reader.at = end
  }
  return service
}

/** A HealthCheckResponse. */
export function encodeHealth(status: ServingStatus): Buffer {
  return writeMessage((writer) => writer.uint(1, NUMBERS[status]))
}
