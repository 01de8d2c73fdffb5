import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ByteSource } from '@mediakeep/core'

/** A source that says how often it was opened and how many of its streams still live. */
export interface WatchedSource extends ByteSource {
  readonly opened: number
  readonly live: number
}

export interface GatedSource extends WatchedSource {
  /** Resolves when all bytes before the gate were taken and more is asked for. */
  readonly reached: Promise<void>
  /** Lets the rest through, now and for later streams. */
  release(): void
}

interface BodyPlan {
  readonly declaredBytes?: number
  readonly chunkBytes?: number
  /** Waits a turn of the event loop before each chunk. */
  readonly inTurns?: boolean
  /** Called before byte `at` is given, when it is the next one. Resolves to go on, rejects to fail. */
  readonly gate?: { readonly at: number; pass(): Promise<void> | void }
}

function watchedSource(bytes: Uint8Array, plan: BodyPlan = {}): WatchedSource {
  const { declaredBytes = bytes.byteLength, chunkBytes = 16 * 1024, inTurns = false, gate } = plan
  let opened = 0
  let live = 0
  return {
    sizeBytes: declaredBytes,
    get opened() {
      return opened
    },
    get live() {
      return live
    },
    open({ range, signal } = {}) {
      let at = range?.start ?? 0
      let passed = gate === undefined
      const end = Math.min(range?.endExclusive ?? bytes.byteLength, bytes.byteLength)
      const give = async (stream: Readable): Promise<void> => {
        if (inTurns) await nextTurn()
        if (!passed && gate?.at === at) {
          await gate.pass()
          passed = true
        }
        if (stream.destroyed) return
        const upTo = !passed && gate !== undefined && at < gate.at ? Math.min(gate.at, end) : end
        const to = Math.min(at + chunkBytes, upTo)
        if (at < to) stream.push(Buffer.from(bytes.subarray(at, to)))
        at = to
        if (at >= end && (passed || gate?.at !== at)) stream.push(null)
      }
      const stream = new Readable({
        highWaterMark: 16 * 1024,
        ...(signal === undefined ? {} : { signal }),
        read() {
          give(this).catch((error: unknown) =>
            this.destroy(error instanceof Error ? error : new Error(String(error))),
          )
        },
      })
      opened += 1
      live += 1
      stream.once('close', () => {
        live -= 1
      })
      return stream
    },
  }
}

/** The bytes as a stream only: a store cannot take the short way over `bytes`. */
export function streamSource(bytes: Uint8Array): WatchedSource {
  return watchedSource(bytes)
}

/** Gives each chunk a turn of the event loop later than the one before: other calls get in between. */
export function unhurriedSource(bytes: Uint8Array): WatchedSource {
  return watchedSource(bytes, { inTurns: true })
}

/** Gives chunks of `chunkBytes`, 1 by default: every boundary in the store's own buffers is crossed. */
export function chunkedSource(bytes: Uint8Array, chunkBytes = 1): WatchedSource {
  return watchedSource(bytes, { chunkBytes })
}

/** Declares another length than it gives. */
export function lyingSource(bytes: Uint8Array, declaredBytes: number): WatchedSource {
  return watchedSource(bytes, { declaredBytes })
}

/** Errors once byte `atByte` is due; at the length of the body: after the last one. */
export function failingSource(bytes: Uint8Array, atByte: number, error: Error): WatchedSource {
  return watchedSource(bytes, {
    gate: {
      at: atByte,
      pass() {
        throw error
      },
    },
  })
}

/** Stops before byte `atByte` until it is released; never, when it never is. No timer is involved. */
export function gatedSource(bytes: Uint8Array, atByte: number): GatedSource {
  let arrive = (): void => {}
  let release = (): void => {}
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const source = watchedSource(bytes, {
    gate: {
      at: atByte,
      pass() {
        arrive()
        return released
      },
    },
  })
  return {
    sizeBytes: source.sizeBytes,
    get opened() {
      return source.opened
    },
    get live() {
      return source.live
    },
    open: (options) => source.open(options),
    reached,
    release,
  }
}
