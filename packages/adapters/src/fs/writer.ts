import { createHash } from 'node:crypto'
import {
  type CallScope,
  MediaError,
  type ObjectHead,
  type ObjectWriter,
  type PutObjectOptions,
} from '@mediakeep/core'
import { checkDigest } from './body.ts'
import { FILE_MODE, SIDECAR_BIT } from './calls.ts'
import type { Place } from './names.ts'
import { publish } from './publish.ts'
import { sidecarOf } from './sidecar.ts'
import { createFileSink } from './sink.ts'
import { createTempFile } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

export interface WriterRules {
  readonly scope: CallScope
  /** The scope of `commit`, from its own signal and deadline. */
  scopeOf(options: PutObjectOptions): CallScope
  /** Turns an error of the file system into one that callers know. */
  failed(error: unknown): unknown
  /** Lets the end of the store wait for this work. */
  track<T>(work: Promise<T>): Promise<T>
  /** Called once, when nothing is held any more. */
  onFreed(): void
}

/** Writes an object of unknown length to a temporary file beside its place. */
export async function createObjectWriter(
  volume: Volume,
  place: Place,
  rules: WriterRules,
): Promise<ObjectWriter> {
  const { fs, paths } = volume
  const { scope } = rules
  const file = await createTempFile(fs, paths.shard(place.shard), volume.names)
  const sink = createFileSink(fs, file.fd, 'copy')
  // Whether a checksum will be asked for is known only at the end.
  const hash = createHash('sha256')
  let state: 'open' | 'committing' | 'committed' | 'aborted' = 'open'
  let dropping: Promise<void> | undefined

  const free = (): void => {
    scope.signal.removeEventListener('abort', onAbort)
    scope.release()
    rules.onFreed()
  }
  const drop = (): Promise<void> => {
    if (state === 'committed') return Promise.resolve()
    state = 'aborted'
    dropping ??= sink
      .stop()
      .then(() => file.drop())
      .finally(free)
    return dropping
  }
  // A commit under way ends by itself: it looks at the signal until the object is published.
  const abort = async (): Promise<void> => {
    if (state === 'open' || state === 'aborted') await drop()
  }
  const onAbort = (): void => void rules.track(abort())
  scope.signal.addEventListener('abort', onAbort, { once: true })
  const checkOpen = (): void => {
    scope.check()
    if (state !== 'open')
      throw new MediaError('MEDIA_BAD_INPUT', `the writer is ${state}`, { reason: 'writer-ended' })
  }

  return {
    async write(chunk) {
      checkOpen()
      try {
        const room = sink.write(chunk)
        hash.update(chunk)
        await room
      } catch (error) {
        throw rules.failed(error)
      }
    },
    async commit(options = {}): Promise<ObjectHead> {
      checkOpen()
      const commitScope = rules.scopeOf(options)
      state = 'committing'
      try {
        await sink.end()
        commitScope.check()
        checkDigest(hash, options.checksum)
        const sidecar = sidecarOf(place, options)
        if (sidecar !== undefined) await fs.fchmod(file.fd, FILE_MODE | SIDECAR_BIT)
        scope.check()
        const head = await publish(volume, file, { place, options, sidecar, signal: commitScope.signal })
        state = 'committed'
        free()
        return head
      } catch (error) {
        await drop()
        throw rules.failed(error)
      } finally {
        commitScope.release()
      }
    },
    abort,
  }
}
