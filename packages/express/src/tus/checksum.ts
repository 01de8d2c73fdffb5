import type { IncomingMessage } from 'node:http'
import type { PieceChecksum } from '@mediakeep/core'
import { badHeader, fieldOf } from './numbers.ts'

/** Length of a checksum in bytes, by the name of its algorithm. */
const ALGORITHMS: Readonly<Record<PieceChecksum['algorithm'], number>> = { sha1: 20, sha256: 32, md5: 16 }

export const CHECKSUM_ALGORITHMS: string = Object.keys(ALGORITHMS).join(',')

/** @throws MediaError MEDIA_BAD_INPUT `unknown-checksum-algorithm`, `bad-upload-checksum` */
export function parseUploadChecksum(text: string): PieceChecksum {
  const [algorithm = '', base64, ...rest] = text.split(' ')
  if (!isKnown(algorithm)) {
    throw badHeader(`checksums are taken in ${CHECKSUM_ALGORITHMS}`, 'unknown-checksum-algorithm')
  }
  const bytes = Buffer.from(base64 ?? '', 'base64')
  const isExact = bytes.length === ALGORITHMS[algorithm] && bytes.toString('base64') === base64
  if (rest.length > 0 || !isExact) {
    throw badHeader(
      'Upload-Checksum is the name of an algorithm, a space and a checksum in Base64',
      'bad-upload-checksum',
    )
  }
  return { algorithm, base64 }
}

/**
 * The checksum a request brings for its body: from the header, or, once the body is in, from the trailer it announces.
 * @throws MediaError as `parseUploadChecksum`; also from the function, for a trailer that was announced and did not come.
 */
export function pieceChecksum(
  request: Pick<IncomingMessage, 'headers' | 'trailers'>,
): PieceChecksum | (() => PieceChecksum) | undefined {
  const header = fieldOf(request, 'upload-checksum')
  if (header !== undefined) return parseUploadChecksum(header)
  const announced = request.headers['trailer'] ?? ''
  if (!/(?:^|,)[ \t]*upload-checksum[ \t]*(?:,|$)/i.test(announced)) return undefined
  return () => {
    const trailer = request.trailers['upload-checksum']
    if (trailer === undefined) {
      throw badHeader('the trailer Upload-Checksum was announced and did not come', 'bad-upload-checksum')
    }
    return parseUploadChecksum(trailer)
  }
}

function isKnown(algorithm: string): algorithm is PieceChecksum['algorithm'] {
  return Object.hasOwn(ALGORITHMS, algorithm)
}
