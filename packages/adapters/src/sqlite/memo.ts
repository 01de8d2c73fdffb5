import type { MediaRecord, MediaRef } from '@mediakeep/core'

/** Records of one version of the database, at most `maxRecords` to twice as many. */
export interface RecordMemo {
  get(version: number, name: string): MediaRecord | undefined
  set(version: number, name: string, record: MediaRecord): void
}

/**
 * Forgets everything when the version changes. Two generations: when the young one is full it becomes the old one,
 * and what is asked for again moves up. Cheaper than keeping an order, and what is hot stays.
 */
export function createRecordMemo(maxRecords: number): RecordMemo {
  let young = new Map<string, MediaRecord>()
  let old = new Map<string, MediaRecord>()
  let current = Number.NaN
  const add = (name: string, record: MediaRecord): void => {
    if (young.size >= maxRecords) {
      old = young
      young = new Map()
    }
    young.set(name, record)
  }
  return {
    get(version, name) {
      if (version !== current) {
        if (young.size > 0) young = new Map()
        if (old.size > 0) old = new Map()
        current = version
        return undefined
      }
      const found = young.get(name)
      if (found !== undefined || old.size === 0) return found
      const kept = old.get(name)
      if (kept !== undefined) add(name, kept)
      return kept
    },
    set(version, name, record) {
      if (version === current && maxRecords > 0) add(name, record)
    },
  }
}

/** What a record is remembered as. Ids are not empty and namespaces hold no line break, so no two names are alike. */
export function memoName(namespace: string, ref: MediaRef): string {
  return typeof ref === 'string' ? `${namespace}\n${ref}` : `${namespace}\n\n${ref.key}`
}
