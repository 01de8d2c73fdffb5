import type { Random } from '@mediakeep/testkit'
import type { Subject } from '../subjects/subject.ts'
import { bodyOf } from './bodies.ts'
import type { Journal } from './journal.ts'

export interface Lane {
  /** Before each of its keys: lanes share none, so that what each may hold is known. */
  readonly name: string
  readonly random: Random
  /** Few keys: most puts replace. */
  readonly keys: number
  /** Most acts; endless when absent. */
  readonly acts?: number
  /** One of so many acts collects; 0: none does. */
  readonly collectEvery: number
}

/** Puts new bodies and bodies that others put too, replaces, deletes and collects, one act after the other. */
export async function runLane(subject: Subject, journal: Journal, lane: Lane): Promise<void> {
  for (let act = 0; act < (lane.acts ?? Number.POSITIVE_INFINITY); act++) {
    try {
      await actOnce(subject, journal, lane)
    } catch (error) {
      // Nothing was acknowledged: what the act was about may be as before, or as after it.
      if (!subject.mayRefuse) throw error
    }
  }
}

async function actOnce(
  subject: Subject,
  journal: Journal,
  { name, random, keys, collectEvery }: Lane,
): Promise<void> {
  const key = `${name}/${random.integer(0, keys)}`
  if (collectEvery > 0 && random.integer(0, collectEvery) === 0) return subject.collect()
  if (random.integer(0, 5) === 0) {
    journal.deleting(key)
    await subject.delete(key)
    journal.deleted(key)
    return
  }
  const body = random.integer(0, 3) === 0 ? random.integer(0, 9) : random.integer(0, 1_000_000_000)
  journal.putting(key, body)
  await subject.put(key, bodyOf(body))
  journal.put(key, body)
}
