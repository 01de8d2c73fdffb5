import { isMediaError, type MediaStore } from '@mediakeep/core'
import type { Random } from '@mediakeep/testkit'
import { mediakeepSubject } from '../subjects/mediakeep.ts'
import { bodyOf, hashOf, hashOfBody } from '../writers/bodies.ts'
import type { Journal } from '../writers/journal.ts'

/** Names that every process writes to, and bodies that all of them put. */
const SHARED_KEYS = 6
const SHARED_BODIES = 9
const OWN_KEYS = 20

export interface SoakLane {
  readonly store: MediaStore
  readonly journal: Journal
  readonly name: string
  readonly random: Random
  /** Called for each put that was acknowledged. */
  onPut(): void
  isOver(): boolean
}

/** Collections among 600 acts, one of them thorough; one further act verifies. */
const UPKEEP_OF_600 = 20

/** One act after the other, chosen by chance, until it is over. What must not happen is written to the journal. */
export async function runSoakLane(lane: SoakLane): Promise<void> {
  const own = ownKeys(lane)
  const shared = sharedKeys(lane)
  const acts = [own.put, own.put, own.read, own.delete, shared.put, shared.put, shared.delete, shared.read]
  while (!lane.isOver()) {
    const chance = lane.random.integer(0, 600)
    const act =
      chance === 0
        ? () => verify(lane)
        : chance <= UPKEEP_OF_600
          ? () => collect(lane.store, chance === 1)
          : acts[chance % acts.length]
    try {
      await act?.()
    } catch (error) {
      lane.journal.fault(isMediaError(error) ? `${error.code} ${error.stack}` : String(error))
    }
  }
}

interface KeyActs {
  put(): Promise<void>
  read(): Promise<void>
  delete(): Promise<void>
}

/** Nobody else writes to them: what each holds is known at every moment. */
function ownKeys({ store, journal, name, random, onPut }: SoakLane): KeyActs {
  const subject = mediakeepSubject(store)
  const held = new Map<string, number>()
  const choose = (): string => `${name}/${random.integer(0, OWN_KEYS)}`
  return {
    async put() {
      const key = choose()
      const body = bodyNumber(random)
      journal.putting(key, body)
      await subject.put(key, bodyOf(body))
      journal.put(key, body)
      held.set(key, body)
      onPut()
    },
    async read() {
      const key = choose()
      const body = held.get(key)
      const bytes = await subject.get(key)
      if (
        body === undefined ? bytes !== undefined : bytes === undefined || hashOf(bytes) !== hashOfBody(body)
      )
        journal.fault(`${key} reads as ${bytes?.byteLength} bytes, it holds body ${body}`)
    },
    async delete() {
      const key = choose()
      journal.deleting(key)
      await subject.delete(key)
      journal.deleted(key)
      held.delete(key)
    },
  }
}

/** All replace, delete, share and collect what the others are using. */
function sharedKeys({ store, journal, random, onPut }: SoakLane): KeyActs {
  const subject = mediakeepSubject(store)
  const choose = (): string => `shared/${random.integer(0, SHARED_KEYS)}`
  return {
    async put() {
      await subject.put(choose(), bodyOf(bodyNumber(random)))
      onPut()
    },
    async read() {
      try {
        await using reader = await store.open({ key: choose() })
        // Opened is opened: a collection does not take the bytes from under a reader.
        if (random.integer(0, 4) === 0) await collect(store)
        const hash = hashOf(await reader.bytes({ maxBytes: 1e9 }))
        if (reader.media.digest !== `sha256:${hash}`)
          journal.fault(`wrong bytes, given with success: ${hash}`)
      } catch (error) {
        // Deleted, or replaced and collected without grace, between its record and its bytes: an honest answer.
        if (!isMediaError(error, 'MEDIA_ABSENT') && !isMediaError(error, 'MEDIA_GONE')) throw error
      }
    },
    delete: () => subject.delete(choose()),
  }
}

const bodyNumber = (random: Random): number =>
  random.integer(0, 2) === 0 ? random.integer(0, SHARED_BODIES) : random.integer(0, 1_000_000_000)

async function collect(store: MediaStore, thorough = false): Promise<void> {
  for await (const _ of store.upkeep.collectGarbage({ graceMs: 0, force: true, thorough })) continue
}

/** Nothing is damaged here: whoever says so has taken what others replace and collect for damage. */
async function verify({ store, journal }: SoakLane): Promise<void> {
  for await (const { damaged } of store.upkeep.verify())
    for (const { key, fault } of damaged) journal.fault(`called damaged: ${fault} ${key}`)
}
