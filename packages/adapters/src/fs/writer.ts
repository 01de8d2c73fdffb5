import { createHash } from 'node:crypto'
import { checkDigest, digestFromHex, type ObjectWriter } from '@mediakeep/core'
import { createObjectWriter, type WriterRules } from '../scopes/object-writer.ts'
import { FILE_MODE, SIDECAR_BIT } from './calls.ts'
import type { Place } from './names.ts'
import { publish } from './publish.ts'
import { sidecarOf } from './sidecar.ts'
import { createFileSink } from './sink.ts'
import { createTempFile } from './temp-files.ts'
import type { Volume } from './volume-state.ts'

/** Writes an object of unknown length to a temporary file beside its place. */
export async function createFileWriter(
  volume: Volume,
  place: Place,
  rules: WriterRules,
): Promise<ObjectWriter> {
  const { fs, paths } = volume
  const file = await createTempFile(fs, paths.shard(place.shard), volume.names)
  const sink = createFileSink(fs, file.fd, { chunks: 'copy' })
  // Whether a checksum will be asked for is known only at the end.
  const hash = createHash('sha256')
  return createObjectWriter(
    {
      async write(chunk) {
        const room = sink.write(chunk)
        hash.update(chunk)
        await room
      },
      async publish(options, scope) {
        await sink.end()
        scope.check()
        checkDigest(digestFromHex(hash.digest('hex')), options.checksum)
        const sidecar = sidecarOf(place, options)
        if (sidecar !== undefined) await fs.fchmod(file.fd, FILE_MODE | SIDECAR_BIT)
        rules.scope.check()
        return publish(volume, file, { place, options, sidecar, signal: scope.signal })
      },
      async drop() {
        await sink.stop()
        await file.drop()
      },
    },
    rules,
  )
}
