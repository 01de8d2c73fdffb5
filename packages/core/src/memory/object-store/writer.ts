import { checkDigest } from '../../bytes/declared.ts'
import { digestOf } from '../../bytes/digest.ts'
import type { ObjectHead, ObjectWriter, PutObjectOptions } from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { CallScope } from '../../time/call-scope.ts'
import type { MemoryVolume } from './volume.ts'

/** Collects chunks, each with its room, and publishes them in one step at `commit`. */
export function createMemoryWriter(
  volume: MemoryVolume,
  key: string,
  scope: CallScope,
  scopeOfCommit: (options: PutObjectOptions) => CallScope,
  onFreed: () => void,
): ObjectWriter {
  let chunks: Uint8Array[] = []
  let sizeBytes = 0
  let state: 'open' | 'committed' | 'aborted' = 'open'

  const free = (to: 'committed' | 'aborted'): void => {
    if (state !== 'open') return
    state = to
    if (to === 'aborted') volume.release(sizeBytes)
    chunks = []
    scope.signal.removeEventListener('abort', drop)
    scope.release()
    onFreed()
  }
  const drop = (): void => free('aborted')
  scope.signal.addEventListener('abort', drop, { once: true })
  const checkOpen = (): void => {
    scope.check()
    if (state !== 'open')
      throw new MediaError('MEDIA_BAD_INPUT', `memory: the writer is ${state}`, { reason: 'writer-ended' })
  }

  return {
    async write(chunk) {
      checkOpen()
      volume.reserve(chunk.byteLength)
      sizeBytes += chunk.byteLength
      chunks.push(Uint8Array.from(chunk))
    },
    async commit(options = {}): Promise<ObjectHead> {
      checkOpen()
      const commitScope = scopeOfCommit(options)
      try {
        const bytes = new Uint8Array(Buffer.concat(chunks, sizeBytes))
        if (options.checksum !== undefined) checkDigest(digestOf(bytes), options.checksum)
        const head = volume.publish(key, bytes, options)
        free('committed')
        return head
      } catch (error) {
        free('aborted') // refused bytes keep no room
        throw error
      } finally {
        commitScope.release()
      }
    },
    async abort() {
      free('aborted')
    },
  }
}
