import type { DeleteResult } from '@mediakeep/core'
import type { Bucket } from './bucket.ts'
import type { Frame } from './bucket-client.ts'

/** Most keys one request deletes. */
const MAX_KEYS = 1000
/** What XML 1.0 cannot hold, escaped or not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** One answer per key, in the order given; a request that fails is the answer of all its keys. */
export async function deleteMany(
  bucket: Bucket,
  keys: readonly string[],
  frame: Frame,
  failed: (key: string, error: unknown) => Error,
): Promise<readonly DeleteResult[]> {
  const errors = new Map<string, Error>()
  const batch: string[] = []
  const single: string[] = []
  for (const key of new Set(keys)) {
    try {
      const name = bucket.layout.nameOf(key)
      ;(NOT_XML.test(name) ? single : batch).push(key)
    } catch (error) {
      errors.set(key, failed(key, error))
    }
  }
  for (let at = 0; at < batch.length; at += MAX_KEYS) await deleteBatch(batch.slice(at, at + MAX_KEYS))
  for (const key of single) {
    try {
      await bucket.client.deleteObject(bucket.layout.nameOf(key), frame)
    } catch (error) {
      errors.set(key, failed(key, error))
    }
  }

  async function deleteBatch(some: readonly string[]): Promise<void> {
    try {
      const names = some.map((key) => bucket.layout.nameOf(key))
      for (const [name, error] of await bucket.client.deleteObjects(names, frame)) {
        const key = bucket.layout.keyOf(name)
        errors.set(key, failed(key, error))
      }
    } catch (error) {
      for (const key of some) errors.set(key, failed(key, error))
    }
  }

  return keys.map((key) => {
    const error = errors.get(key)
    return error === undefined ? { key } : { key, error }
  })
}
