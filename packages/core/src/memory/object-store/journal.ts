import type { Call } from '../../contracts/call.ts'
import type { Journal } from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'

/** Lines of one piece of a read. */
const PIECE_LINES = 1_000

/** What a volume keeps for the journals of the stores over it. Lines are appended to the last segment. */
export interface MemorySegments {
  segments: readonly string[][]
  hasSnapshot: boolean
}

/** @param enter throws when the store is closed or the call is over */
export function createMemoryJournal(shared: MemorySegments, enter: (call?: Call) => void): Journal {
  return {
    async append(line) {
      enter()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      if (/[\u0000-\u001f]/.test(line)) {
        throw new MediaError('MEDIA_BAD_INPUT', 'memory: a line of a journal has no control characters', {
          reason: 'bad-line',
        })
      }
      shared.segments.at(-1)?.push(line)
    },
    async *read(options) {
      enter(options)
      for (const segment of shared.segments) {
        for (let at = 0; at < segment.length; at += PIECE_LINES) {
          enter(options)
          yield { lines: segment.slice(at, at + PIECE_LINES), damaged: 0 }
        }
      }
    },
    async size() {
      enter()
      return shared.segments.flat().reduce((sum, line) => sum + Buffer.byteLength(line), 0)
    },
    async isBehind() {
      enter()
      return !shared.hasSnapshot
    },
    async compact(snapshot) {
      enter()
      const old = shared.segments
      shared.segments = [...old, []]
      const lines: string[] = []
      for await (const line of snapshot) lines.push(line)
      enter()
      shared.segments = [lines, ...shared.segments.filter((segment) => !old.includes(segment))]
      shared.hasSnapshot = true
    },
  }
}
