import type { Call } from '../contracts/call.ts'
import type { DirectParts, ObjectHead, PartsUpload } from '../contracts/object-store.ts'

/** What of `DirectParts` asks the backend; to sign asks nobody. */
export type PartsAct = 'begin' | 'list' | 'complete' | 'abort'

/** Does something around each call of a store's `directParts`. `undefined` where the store has none. */
export function overParts(
  inner: DirectParts | undefined,
  around: <Result>(act: PartsAct, call: Call | undefined, work: () => Promise<Result>) => Promise<Result>,
): DirectParts | undefined {
  if (inner === undefined) return undefined
  return {
    maxParts: inner.maxParts,
    maxPartBytes: inner.maxPartBytes,
    begin: (key, options) => around('begin', options, () => inner.begin(key, options)),
    sign: (upload, part) => inner.sign(upload, part),
    list: (upload, options) => around('list', options, () => inner.list(upload, options)),
    complete: (upload, parts, options) =>
      around('complete', options, () => inner.complete(upload, parts, options)),
    abort: (key, options) => around('abort', options, () => inner.abort(key, options)),
  }
}

/** The same parts under other names. */
export function renamedParts(
  inner: DirectParts | undefined,
  full: (key: string) => string,
  own: (head: ObjectHead) => ObjectHead,
): DirectParts | undefined {
  if (inner === undefined) return undefined
  const there = ({ key, uploadId }: PartsUpload): PartsUpload => ({ key: full(key), uploadId })
  return {
    maxParts: inner.maxParts,
    maxPartBytes: inner.maxPartBytes,
    async begin(key, options) {
      const { uploadId } = await inner.begin(full(key), options)
      return { key, uploadId }
    },
    sign: async (upload, part) => inner.sign(there(upload), part),
    list: async (upload, options) => inner.list(there(upload), options),
    async complete(upload, parts, options) {
      const head = await inner.complete(there(upload), parts, options)
      return head === undefined ? undefined : own(head)
    },
    abort: async (key, options) => inner.abort(full(key), options),
  }
}
