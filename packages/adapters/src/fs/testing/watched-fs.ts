import nodeFs from 'node:fs'
import type { FsCalls } from '../calls.ts'

/** One call to the file system, as it began and as it ended. */
export interface WatchedCall {
  readonly name: string
  readonly args: readonly unknown[]
}

export interface WatchedFs {
  readonly fs: FsCalls
  /** `rename ab/…`: calls in the order in which they ended well. */
  readonly trace: string[]
  /** Every call counts, from 0; also those that fail. */
  readonly count: number
  /** Descriptors opened and not closed. */
  readonly openCount: number
}

export interface WatchOptions {
  /** The file system underneath. Default `node:fs`. */
  readonly over?: FsCalls
  /** An errno to fail this call with, before it has any effect; undefined lets it pass. */
  readonly fail?: (call: WatchedCall, index: number) => string | undefined
  /** Called before each call. */
  readonly onCall?: (call: WatchedCall, index: number) => void
}

type Callback = (error?: unknown, value?: unknown) => void

function isCallback(value: unknown): value is Callback {
  return typeof value === 'function'
}

/** Watches every call, and fails those it is told to: the calls that have a callback through it, the others by throwing. */
export function watchFs({ over = nodeFs, fail, onCall }: WatchOptions = {}): WatchedFs {
  const trace: string[] = []
  const paths = new Map<unknown, string>()
  let count = 0

  function ended(call: WatchedCall, value: unknown): void {
    const { name, args } = call
    if (name === 'open' || name === 'openSync') paths.set(value, String(args[0]))
    const what =
      typeof args[0] === 'number'
        ? paths.get(args[0])
        : String(name === 'rename' || name === 'link' ? args[1] : args[0])
    if (name === 'close' || name === 'closeSync') paths.delete(args[0])
    if (name !== 'fstatSync') trace.push(`${name} ${String(what)}`)
  }

  const fs = new Proxy(over, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      const name = String(property)
      return (...args: unknown[]): unknown => {
        const call = { name, args }
        const index = count++
        onCall?.(call, index)
        const errno = fail?.(call, index)
        const error =
          errno === undefined
            ? undefined
            : Object.assign(new Error(`${errno}: injected, ${name}`), { code: errno, syscall: name })
        const done = args.at(-1)
        if (!isCallback(done)) {
          if (error !== undefined) throw error
          const value: unknown = Reflect.apply(member, target, args)
          ended(call, value)
          return value
        }
        if (error !== undefined) {
          // A close that fails has closed all the same.
          if (name === 'close') Reflect.apply(member, target, [args[0], () => done(error)])
          else setImmediate(() => done(error))
          if (name === 'close') paths.delete(args[0])
          return undefined
        }
        const watched = (problem: unknown, value: unknown): void => {
          if (!problem) ended(call, value)
          done(problem, value)
        }
        return Reflect.apply(member, target, [...args.slice(0, -1), watched])
      }
    },
  })
  return {
    fs,
    trace,
    get count() {
      return count
    },
    get openCount() {
      return paths.size
    },
  }
}
