import { Readable } from 'node:stream'
import { destroyOnAbort } from '../../bytes/source.ts'
import type { ByteRange, Digest } from '../../contracts/bytes.ts'
import type { StagedBody, Staging, StagingWriter } from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { MemoryPartials } from './partials.ts'

interface Entry {
  readonly name: string
  chunks: Uint8Array[]
  reservedBytes: number
  writtenBytes: number
  dropped: boolean
}

export interface MemoryStaging extends Staging {
  /** Drops everything; `create` throws MEDIA_CLOSED from then on. */
  close(): void
}

/** Staging in memory, with a budget of its own: bodies on their way in never take the room of objects. */
export function createMemoryStaging(budgetBytes: number, partials: MemoryPartials): MemoryStaging {
  const entries = new Set<Entry>()
  let usedBytes = 0
  let closed = false

  const reserve = (entry: Entry, moreBytes: number): void => {
    if (usedBytes + moreBytes > budgetBytes) {
      throw new MediaError(
        'MEDIA_BUSY',
        `memory: staging has no room for ${moreBytes} bytes, ${usedBytes} of ${budgetBytes} are used`,
        { reason: 'staging-full' },
      )
    }
    usedBytes += moreBytes
    entry.reservedBytes += moreBytes
  }
  const drop = (entry: Entry): void => {
    if (entry.dropped) return
    entry.dropped = true
    entries.delete(entry)
    usedBytes -= entry.reservedBytes
    entry.chunks = []
  }
  const checkLive = (entry: Entry): void => {
    if (closed) throw new MediaError('MEDIA_CLOSED', 'memory: the store is closed')
    if (entry.dropped)
      throw new MediaError('MEDIA_BAD_INPUT', `memory: the staged body ${entry.name} was removed`, {
        reason: 'staging-ended',
      })
  }

  function createStagedBody(entry: Entry, digest: Digest): StagedBody {
    return {
      sizeBytes: entry.writtenBytes,
      digest,
      open({ range, signal } = {}) {
        checkLive(entry)
        const stream = Readable.from(
          partsOf(entry.chunks, range ?? { start: 0, endExclusive: entry.writtenBytes }),
          { objectMode: false },
        )
        if (signal !== undefined) destroyOnAbort(stream, signal)
        return stream
      },
      async discard() {
        drop(entry)
      },
    }
  }

  function createWriter(entry: Entry, signal: AbortSignal | undefined): StagingWriter {
    let finished = false
    const check = (): void => {
      signal?.throwIfAborted()
      checkLive(entry)
      if (finished)
        throw new MediaError('MEDIA_BAD_INPUT', `memory: ${entry.name} is finished`, {
          reason: 'staging-ended',
        })
    }
    return {
      async write(chunk) {
        check()
        const overBytes = entry.writtenBytes + chunk.byteLength - entry.reservedBytes
        if (overBytes > 0) reserve(entry, overBytes)
        entry.chunks.push(Uint8Array.from(chunk))
        entry.writtenBytes += chunk.byteLength
      },
      async finish(digest) {
        check()
        finished = true
        usedBytes -= entry.reservedBytes - entry.writtenBytes
        entry.reservedBytes = entry.writtenBytes
        return createStagedBody(entry, digest)
      },
      async abort() {
        if (!finished) drop(entry)
      },
      follow() {
        checkLive(entry)
        const { chunks } = entry
        let isOpen = true
        return {
          get availableBytes() {
            return entry.writtenBytes
          },
          async read(buffer, position) {
            if (!isOpen) checkLive({ ...entry, dropped: true })
            let filled = 0
            const endExclusive = Math.min(entry.writtenBytes, position + buffer.byteLength)
            for (const part of partsOf(chunks, { start: position, endExclusive })) {
              buffer.set(part, filled)
              filled += part.byteLength
            }
            return filled
          },
          close() {
            isOpen = false
          },
        }
      },
    }
  }

  return {
    budgetBytes,
    partials,
    get usedBytes() {
      return usedBytes
    },
    async create({ name, sizeBytes = 0, signal }) {
      signal?.throwIfAborted()
      if (closed) throw new MediaError('MEDIA_CLOSED', 'memory: the store is closed')
      const entry: Entry = { name, chunks: [], reservedBytes: 0, writtenBytes: 0, dropped: false }
      reserve(entry, sizeBytes)
      entries.add(entry)
      return createWriter(entry, signal)
    },
    async sweep(keep) {
      let removed = await partials.sweep(keep)
      for (const entry of [...entries]) {
        if (entry.dropped || (await keep(entry.name))) continue
        drop(entry)
        removed += 1
      }
      return removed
    },
    close() {
      closed = true
      for (const entry of [...entries]) drop(entry)
    },
  }
}

function* partsOf(chunks: readonly Uint8Array[], range: ByteRange): Generator<Uint8Array> {
  let at = 0
  for (const chunk of chunks) {
    const from = Math.max(range.start - at, 0)
    const to = Math.min(range.endExclusive - at, chunk.byteLength)
    at += chunk.byteLength
    if (from < to) yield Uint8Array.from(chunk.subarray(from, to))
  }
}
