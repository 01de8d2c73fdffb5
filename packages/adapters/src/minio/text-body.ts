import { createHash } from 'node:crypto'
import type { Body } from '../s3-protocol/bucket-client.ts'

/** XML as the body of a request, with the MD5 that some endpoints ask for. */
export function bodyOf(xml: string): {
  readonly body: Body
  readonly headers: Readonly<Record<string, string>>
} {
  const bytes = Buffer.from(xml)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const md5 = createHash('md5').update(bytes).digest('base64')
  return { body: { bytes, sha256 }, headers: { 'content-type': 'application/xml', 'content-md5': md5 } }
}
