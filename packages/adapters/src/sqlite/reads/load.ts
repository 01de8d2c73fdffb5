import type { MediaRecord, PageSource } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { memoName, type RecordMemo } from '../memo.ts'
import { type RecordText, recordOf, recordText, recordTexts } from './record.ts'

/** Reads the records of one namespace. */
export type RecordLoader = Pick<PageSource, 'load' | 'findKey'>

/**
 * Reads only what the memo does not know at this version, and remembers it.
 * The version must be that of what the statements see: asked in the same read transaction.
 */
export function rememberingLoader(
  database: Database,
  namespace: string,
  memo: RecordMemo,
  version: number,
): RecordLoader {
  const remember = (record: MediaRecord): MediaRecord => {
    memo.set(version, memoName(namespace, record.id), record)
    return record
  }
  return {
    load(ids) {
      const known = ids.map((id) => memo.get(version, memoName(namespace, id)))
      const unknown = ids.filter((_, at) => known[at] === undefined)
      const read = recordTexts(database, namespace, unknown).map((text) => remember(recordOf(text)))
      if (read.length === ids.length) return read
      let next = 0
      return ids.flatMap((id, at) => known[at] ?? (read[next]?.id === id ? (read[next++] ?? []) : []))
    },
    findKey: (key) => readRecord(database, namespace, { key }, memo, version),
  }
}

/** One record, from the memo where it knows it at this version. */
export function readRecord(
  database: Database,
  namespace: string,
  ref: string | { readonly key: string },
  memo: RecordMemo,
  version: number,
): MediaRecord | undefined {
  const name = memoName(namespace, ref)
  const known = memo.get(version, name)
  if (known !== undefined) return known
  const text = recordText(database, namespace, ref)
  if (text === undefined) return undefined
  const record = recordOf(text)
  memo.set(version, name, record)
  return record
}

/** Keeps the text of each record, in which it crosses a thread. */
export interface TextLoader extends RecordLoader {
  textOf(record: MediaRecord): RecordText
}

export function textLoader(database: Database, namespace: string): TextLoader {
  const texts = new Map<MediaRecord, RecordText>()
  const read = (text: RecordText): MediaRecord => {
    const record = recordOf(text)
    texts.set(record, text)
    return record
  }
  return {
    load: (ids) => recordTexts(database, namespace, ids).map(read),
    findKey(key) {
      const text = recordText(database, namespace, { key })
      return text === undefined ? undefined : read(text)
    },
    textOf(record) {
      const text = texts.get(record)
      if (text === undefined) throw new Error('a record of another loader')
      return text
    },
  }
}
