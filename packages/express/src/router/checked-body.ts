import { createHash } from 'node:crypto'
import { type Digest, digestFromHex, MediaError } from '@mediakeep/core'
import type { ChunkSource } from '../multipart/form.ts'

/** The same chunks; fails in place of ending when they have another digest. */
export function checkedBody(source: ChunkSource, digest: Digest): ChunkSource & AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  const next = async (): Promise<Buffer | undefined> => {
    const chunk = await source.next()
    if (chunk !== undefined) hash.update(chunk)
    else if (digestFromHex(hash.digest('hex')) !== digest) {
      throw new MediaError('MEDIA_DIGEST_MISMATCH', 'the body has another digest than was declared', {
        reason: 'digest-mismatch',
      })
    }
    return chunk
  }
  return {
    next,
    async *[Symbol.asyncIterator]() {
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk
    },
  }
}
