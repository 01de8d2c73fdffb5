import {
  type ByteSource,
  type CallScope,
  MediaError,
  type ObjectHead,
  type PutObjectOptions,
} from '@mediakeep/core'
import { writeBody } from './body.ts'
import { FILE_MODE, SIDECAR_BIT } from './calls.ts'
import type { Place } from './names.ts'
import { lstatIfThere, preconditionFailed, publish } from './publish.ts'
import { sidecarOf } from './sidecar.ts'
import { createTempFile } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

/** ext4 with blocks of 4 KiB takes no longer file; other file systems say so themselves. */
export const MAX_OBJECT_BYTES: number = 16 * 1024 ** 4 - 4096

export async function putObject(
  volume: Volume,
  place: Place,
  source: ByteSource,
  options: PutObjectOptions,
  scope: CallScope,
): Promise<ObjectHead> {
  const { fs, paths } = volume
  checkSize(source.sizeBytes)
  const sidecar = sidecarOf(place, options)
  // A body that has to travel first is refused before it does; the link decides all the same.
  if (
    options.when?.type === 'absent' &&
    source.bytes === undefined &&
    (await lstatIfThere(fs, paths.object(place))) !== undefined
  ) {
    throw preconditionFailed(options.when)
  }
  const file = await createTempFile(
    fs,
    paths.shard(place.shard),
    volume.names,
    sidecar === undefined ? FILE_MODE : FILE_MODE | SIDECAR_BIT,
  )
  try {
    await writeBody(fs, file.fd, source, options.checksum, scope)
    return await publish(volume, file, { place, options, sidecar, signal: scope.signal })
  } catch (error) {
    await file.drop()
    throw error
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-size`, MEDIA_TOO_LARGE */
export function checkSize(sizeBytes: number): void {
  if (sizeBytes > MAX_OBJECT_BYTES)
    throw new MediaError(
      'MEDIA_TOO_LARGE',
      `${sizeBytes} bytes are more than a file can hold (${MAX_OBJECT_BYTES})`,
    )
  if (Number.isSafeInteger(sizeBytes) && sizeBytes >= 0) return
  throw new MediaError('MEDIA_BAD_INPUT', `${sizeBytes} is not a number of bytes`, { reason: 'bad-size' })
}
