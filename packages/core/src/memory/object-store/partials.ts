import { checkPart, checkPosition, partEnded, partShort } from '../../bytes/partials.ts'
import { destroyOnAbort } from '../../bytes/source.ts'
import type { Digest } from '../../contracts/bytes.ts'
import type { PartialPart, Partials, PartialWriter, StagedBody } from '../../contracts/object-store.ts'
import { createMemoryStream } from './reader.ts'
import type { MemoryPart, MemoryVolume } from './volume.ts'

export interface MemoryPartials extends Partials {
  sweep(keep: (name: string) => boolean | Promise<boolean>): Promise<number>
}

/**
 * Bodies in pieces. They belong to the volume, as its objects do: another store over it finds them, and they take of its room.
 * @param closing aborted when the store closes
 * @param count counts an open writer; answers how to stop
 */
export function createMemoryPartials(
  volume: MemoryVolume,
  closing: AbortSignal,
  count: () => () => void,
): MemoryPartials {
  const { parts } = volume
  const enter = (): void => closing.throwIfAborted()

  const checkLive = (key: string, part: MemoryPart): void => {
    enter()
    if (parts.get(key) !== part) throw partEnded('memory', part)
  }

  function growTo(part: MemoryPart, sizeBytes: number): void {
    if (sizeBytes <= part.sizeBytes) return
    volume.reserve(sizeBytes - part.sizeBytes)
    if (sizeBytes > part.bytes.byteLength) {
      const grown = new Uint8Array(Math.max(sizeBytes, 2 * part.bytes.byteLength))
      grown.set(part.bytes)
      part.bytes = grown
    }
    part.sizeBytes = sizeBytes
  }

  function remove(key: string): void {
    const part = parts.get(key)
    if (part === undefined) return
    parts.delete(key)
    volume.release(part.sizeBytes)
  }

  function createWriter(key: string, part: MemoryPart): PartialWriter {
    const uncount = count()
    let isOpen = true
    const close = (): void => {
      if (!isOpen) return
      isOpen = false
      closing.removeEventListener('abort', close)
      uncount()
    }
    closing.addEventListener('abort', close, { once: true })
    const check = (): void => {
      checkLive(key, part)
      if (!isOpen) throw partEnded('memory', part)
    }
    return {
      async write(chunk, position) {
        check()
        checkPosition('memory', position)
        growTo(part, position + chunk.byteLength)
        part.bytes.set(chunk, position)
      },
      async sync() {
        check()
      },
      async close() {
        close()
      },
    }
  }

  function createBody(
    key: string,
    part: MemoryPart,
    sizeBytes: number,
    digest: Digest | undefined,
  ): StagedBody {
    return {
      sizeBytes,
      ...(digest === undefined ? {} : { digest }),
      open({ range = { start: 0, endExclusive: sizeBytes }, signal } = {}) {
        checkLive(key, part)
        const stream = createMemoryStream(part.bytes, range)
        if (signal !== undefined) destroyOnAbort(stream, signal)
        return stream
      },
      async discard() {
        if (parts.get(key) === part) remove(key)
      },
    }
  }

  return {
    async open({ name, part: number, sizeBytes = 0 }) {
      enter()
      const key = keyOf({ name, part: number })
      const found = parts.get(key)
      const missingBytes = Math.max(sizeBytes - (found?.sizeBytes ?? 0), 0)
      volume.reserve(missingBytes) // throws where there is no room
      volume.release(missingBytes)
      const part = found ?? { name, part: number, bytes: new Uint8Array(0), sizeBytes: 0 }
      parts.set(key, part)
      return createWriter(key, part)
    },
    async find({ name, part: number, sizeBytes, digest }) {
      enter()
      const key = keyOf({ name, part: number })
      const part = parts.get(key)
      if (part === undefined) return undefined
      if (part.sizeBytes < sizeBytes) throw partShort('memory', part, part.sizeBytes, sizeBytes)
      if (part.sizeBytes > sizeBytes) {
        volume.release(part.sizeBytes - sizeBytes)
        part.bytes = part.bytes.slice(0, sizeBytes) // what is cut off must not show in a hole of later writes
        part.sizeBytes = sizeBytes
      }
      return createBody(key, part, sizeBytes, digest)
    },
    async delete(part) {
      enter()
      remove(keyOf(part))
    },
    async sweep(keep) {
      let removed = 0
      for (const [key, part] of [...parts]) {
        if ((await keep(part.name)) || parts.get(key) !== part) continue
        remove(key)
        removed += 1
      }
      return removed
    },
  }
}

function keyOf(part: PartialPart): string {
  checkPart('memory', part)
  return `${part.part}/${part.name}`
}
