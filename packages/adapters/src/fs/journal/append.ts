import { MediaError } from '@mediakeep/core'
import { CREATE_FLAGS, FILE_MODE } from '../calls.ts'
import { syncDirectory } from '../dir-sync.ts'
import type { Volume } from '../volume-state.ts'
import { frameLine } from './frame.ts'
import { isEnded, makeJournalFolder, markLostLines, newLogName, removeSegment } from './segments.ts'

/** Segments that one write may find ended before it gives up: each is another process' compaction. */
const MAX_SEGMENTS = 5

export interface SegmentWriter {
  append(line: string): Promise<void>
  /** Syncs and closes; nothing may be under way. */
  close(): Promise<void>
}

/** The file that this process appends to. */
interface Segment {
  readonly name: string
  readonly fd: number
  sizeBytes: number
  unsynced: boolean
  /** Its name is on disk. */
  named: boolean
  syncing: Promise<void> | undefined
  /** A sync failed: what the kernel could not write it may have dropped, and a second one would answer "done". */
  failed: boolean
}

/** Lines that go out with one write. */
interface Batch {
  text: string
  readonly written: Promise<void>
  readonly settle: (error?: unknown) => void
}

/**
 * Appends lines to a segment of this process' own. A segment that a compaction ended is left for a new one, and lines that were
 * under way are written there: what is acknowledged was in a segment before that segment was ended, or is in one that was not.
 */
export function createSegmentWriter(volume: Volume, syncMs: number): SegmentWriter {
  const { fs, paths, clock, durability } = volume
  let segment: Segment | undefined
  let batch: Batch | undefined
  let isWriting = false
  let cancelSync: (() => void) | undefined

  function append(line: string): Promise<void> {
    batch ??= createBatch()
    batch.text += frameLine(line)
    if (!isWriting) {
      isWriting = true
      // The end of this turn: whoever appends in it shares the write.
      setImmediate(() => void writeBatches())
    }
    return batch.written
  }

  async function writeBatches(): Promise<void> {
    while (batch !== undefined) {
      const { text, settle } = batch
      batch = undefined
      try {
        await write(Buffer.from(text))
        settle()
      } catch (error) {
        settle(error)
      }
    }
    isWriting = false
  }

  async function write(bytes: Buffer): Promise<void> {
    for (let attempt = 0; attempt < MAX_SEGMENTS; attempt++) {
      if (segment !== undefined && (segment.failed || isEnded(volume, segment.fd))) await leave(segment)
      segment ??= await openSegment()
      const current = segment
      try {
        await fs.write(current.fd, bytes, current.sizeBytes)
      } catch (error) {
        await markLostLines(volume, current.fd)
        throw error
      }
      current.sizeBytes += bytes.length
      current.unsynced = true
      // Ended while we wrote: the snapshot under way may have begun before these lines came.
      if (!isEnded(volume, current.fd)) {
        if (durability !== 'none') cancelSync ??= clock.after(syncMs, () => void syncLater())
        return
      }
      await leave(current)
    }
    throw new MediaError('MEDIA_BUSY', `${volume.storeName}: the journal is being compacted all the time`, {
      reason: 'locked',
    })
  }

  async function openSegment(): Promise<Segment> {
    await makeJournalFolder(volume)
    const name = newLogName(clock.now())
    const fd = await fs.open(`${paths.journal}/${name}`, CREATE_FLAGS, FILE_MODE)
    return { name, fd, sizeBytes: 0, unsynced: false, named: false, syncing: undefined, failed: false }
  }

  async function syncLater(): Promise<void> {
    cancelSync = undefined
    // The next write leaves a segment that could not be synced, and the next snapshot repairs it.
    if (segment !== undefined) await sync(segment).catch(() => {})
  }

  async function sync(current: Segment): Promise<void> {
    // One after the other: whoever closes the file waits for the one it knows of, and no other may be at the file then.
    while (current.syncing !== undefined) await current.syncing.catch(() => {})
    if (durability === 'none' || !current.unsynced || current.failed) return
    current.unsynced = false
    current.syncing = syncNow(current)
    try {
      await current.syncing
    } finally {
      current.syncing = undefined
    }
  }

  async function syncNow(current: Segment): Promise<void> {
    try {
      await fs.fdatasync(current.fd)
      if (!current.named) await syncDirectory(fs, paths.journal)
      current.named = true
    } catch (error) {
      current.failed = true
      await markLostLines(volume, current.fd)
      throw error
    }
  }

  async function leave(current: Segment): Promise<void> {
    if (segment === current) segment = undefined
    try {
      await sync(current)
    } finally {
      await fs.close(current.fd)
      if (current.sizeBytes === 0) await removeSegment(volume, current.name)
    }
  }

  return {
    append,
    async close() {
      cancelSync?.()
      cancelSync = undefined
      if (segment !== undefined) await leave(segment)
    },
  }
}

function createBatch(): Batch {
  let settle: Batch['settle'] = () => {}
  const written = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error))
  })
  return { text: '', written, settle }
}
