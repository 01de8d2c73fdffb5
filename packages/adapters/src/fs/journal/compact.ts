import { CREATE_FLAGS, FILE_MODE } from '../calls.ts'
import { tempFileOf } from '../temp-files.ts'
import type { Volume } from '../volume-state.ts'
import { frameLine } from './frame.ts'
import { headerOf } from './read.ts'
import {
  endSegment,
  listSegments,
  makeJournalFolder,
  newSnapshotName,
  removeLeftOvers,
  removeSegment,
} from './segments.ts'

/** Text gathered before it is written. */
const WRITE_CHARACTERS = 256 * 1024
/** No compaction takes this long. */
const LEFT_OVER_MS = 24 * 60 * 60_000

/**
 * Ends every segment, then asks for the snapshot, so that whatever was acknowledged into an ended segment can be in it.
 * The rename is the one moment at which the snapshot takes their place: it names them, so those that a crash leaves are not read.
 * Their processes may live: they go on in segments of their own, which stay.
 */
export async function compactSegments(
  volume: Volume,
  snapshot: AsyncIterable<string>,
  check: () => void,
): Promise<void> {
  const { fs, paths, clock, durability, names } = volume
  await makeJournalFolder(volume)
  await removeLeftOvers(volume, clock.now() - LEFT_OVER_MS)
  const ended: string[] = []
  for (const name of await listSegments(volume)) if (await endSegment(volume, name)) ended.push(name)

  const path = `${paths.journal}/${names.next()}`
  const file = tempFileOf(fs, path, await fs.open(path, CREATE_FLAGS, FILE_MODE))
  try {
    let position = 0
    let text = frameLine(headerOf(ended))
    const flush = async (): Promise<void> => {
      const bytes = Buffer.from(text)
      text = ''
      await fs.write(file.fd, bytes, position)
      position += bytes.length
    }
    for await (const line of snapshot) {
      check()
      text += frameLine(line)
      if (text.length >= WRITE_CHARACTERS) await flush()
    }
    await flush()
    check()
    if (durability !== 'none') await fs.fdatasync(file.fd)
    await file.close()
    await fs.rename(path, `${paths.journal}/${newSnapshotName(clock.now())}`)
    file.published()
    if (durability !== 'none') await volume.syncDirectory(paths.journal)
  } catch (error) {
    await file.drop()
    throw error
  }
  for (const name of ended) await removeSegment(volume, name)
}
