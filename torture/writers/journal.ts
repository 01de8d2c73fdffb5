import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * What a writer says while it works. Lines go to a file outside of what is tormented, by a synchronous write:
 * once the call has returned the line outlives the writer, and no line waits in a pipe while the writer is stopped.
 */
export interface Journal {
  /** The store is open: what was acknowledged before is its to keep. */
  opened(): void
  /** Before a put begins: from now on either content is an honest answer. */
  putting(key: string, body: number): void
  /** The put was acknowledged: from now on no other content is. */
  put(key: string, body: number): void
  deleting(key: string): void
  deleted(key: string): void
  /** Something went wrong that must not. */
  fault(text: string): void
  close(): void
}

export function createJournal(file: string): Journal {
  const fd = openSync(file, 'a')
  const say = (...words: readonly (string | number)[]): void => void writeSync(fd, `${words.join(' ')}\n`)
  return {
    opened: () => say('opened'),
    putting: (key, body) => say('putting', key, body),
    put: (key, body) => say('put', key, body),
    deleting: (key) => say('deleting', key),
    deleted: (key) => say('deleted', key),
    fault: (text) => say('fault', JSON.stringify(text)),
    close: () => closeSync(fd),
  }
}

export type Outcome = number | 'absent'

export interface Told {
  /** What may be read under each key; more than one while an act was not yet acknowledged. */
  readonly outcomes: ReadonlyMap<string, ReadonlySet<Outcome>>
  readonly acknowledged: number
  readonly opened: boolean
  readonly faults: readonly string[]
}

/** Reads journals of writers that share no key. A last line that was cut off was never told to anybody. */
export function readJournals(texts: readonly string[]): Told {
  const outcomes = new Map<string, Set<Outcome>>()
  const faults: string[] = []
  let acknowledged = 0
  let opened = false
  for (const line of texts.flatMap((text) => text.slice(0, text.lastIndexOf('\n') + 1).split('\n'))) {
    const [what = '', key = '', body = ''] = line.split(' ')
    const outcome = body === '' ? 'absent' : Number(body)
    if (what === 'opened') opened = true
    if (what === 'fault') faults.push(line)
    if (what === 'putting' || what === 'deleting')
      outcomes.set(key, (outcomes.get(key) ?? new Set<Outcome>(['absent'])).add(outcome))
    if (what !== 'put' && what !== 'deleted') continue
    acknowledged += 1
    outcomes.set(key, new Set([outcome]))
  }
  return { outcomes, acknowledged, opened, faults }
}
