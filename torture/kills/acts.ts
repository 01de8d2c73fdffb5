import { Readable } from 'node:stream'
import { isMediaError, type MediaStore } from '@mediakeep/core'
import { mediakeepSubject } from '../subjects/mediakeep.ts'
import { bodyOf, SIZES } from '../writers/bodies.ts'
import type { Journal } from '../writers/journal.ts'

/** What an act is done with. */
export interface Stage {
  readonly store: MediaStore
  readonly tell: Journal
  put(key: string, body: number): Promise<void>
  delete(key: string): Promise<void>
  collect(graceMs: number): Promise<void>
  /** The number of a body that no other act has used, of this size. */
  body(sizeBytes: (typeof SIZES)[number], salt?: number): number
}

export interface Act {
  /** Makes what the act is about; nobody is killed in it. */
  prepare?(stage: Stage): Promise<void>
  run(stage: Stage): Promise<void>
}

export function createStage(store: MediaStore, journal: Journal, seed: number): Stage {
  const subject = mediakeepSubject(store)
  return {
    store,
    tell: journal,
    async put(key, body) {
      journal.putting(key, body)
      await subject.put(key, bodyOf(body))
      journal.put(key, body)
    },
    async delete(key) {
      journal.deleting(key)
      await subject.delete(key)
      journal.deleted(key)
    },
    async collect(graceMs) {
      for await (const _ of store.upkeep.collectGarbage({ graceMs, force: true })) continue
    },
    body: (sizeBytes, salt = 0) => (seed * 8 + salt) * SIZES.length + SIZES.indexOf(sizeBytes),
  }
}

const HOUR_MS = 3_600_000

/** One of each shape. Names of keys differ, so that what an earlier act left meets the later ones. */
export const ACTS = {
  new: { run: (stage) => stage.put('new', stage.body(700)) },
  duplicate: {
    prepare: (stage) => stage.put('twin', stage.body(700)),
    run: (stage) => stage.put('duplicate', stage.body(700)),
  },
  'duplicate of condemned': {
    async prepare(stage) {
      await stage.put('condemned', stage.body(900))
      await stage.delete('condemned')
      await stage.collect(HOUR_MS)
    },
    run: (stage) => stage.put('revived', stage.body(900)),
  },
  /** Refused after its first bytes were staged: a declared length that does not come. */
  'cut short': {
    async run({ store, body }) {
      try {
        await store.put(Readable.from([bodyOf(body(262_145))]), { sizeBytes: 300_000 })
      } catch (error) {
        if (isMediaError(error, 'MEDIA_BAD_INPUT')) return
        throw error
      }
      throw new Error('a body that is too short was taken')
    },
  },
  'one byte': { run: (stage) => stage.put('byte', stage.body(1)) },
  'one chunk': { run: (stage) => stage.put('chunk', stage.body(65_536)) },
  'many chunks': { run: (stage) => stage.put('chunks', stage.body(262_145)) },
  replace: {
    prepare: (stage) => stage.put('replaced', stage.body(2_000)),
    run: (stage) => stage.put('replaced', stage.body(3_000)),
  },
  delete: {
    prepare: (stage) => stage.put('deleted', stage.body(2_000)),
    run: (stage) => stage.delete('deleted'),
  },
  collect: {
    async prepare(stage) {
      for (const salt of [1, 2, 3]) await stage.put('garbage', stage.body(4_100, salt))
      await stage.delete('garbage')
    },
    run: (stage) => stage.collect(0),
  },
  checkpoint: {
    prepare: (stage) => stage.put('logged', stage.body(2_000)),
    run: (stage) => stage.store.close(),
  },
} satisfies Record<string, Act>

/** Acts that break a promise wherever they are killed: the checks must say so. */
export const FAULTY_ACTS = {
  'acknowledged too early': {
    async run({ store, tell, body }) {
      const number = body(700)
      tell.putting('early', number)
      tell.put('early', number)
      await store.put(bodyOf(number), { at: { key: 'early' } })
    },
  },
} satisfies Record<string, Act>

/** Killed from before the store is opened: while it recovers, sweeps and collects what an earlier kill left, or is made. */
export const OPENINGS = ['open', 'create'] as const

export type ActName = keyof typeof ACTS | keyof typeof FAULTY_ACTS | (typeof OPENINGS)[number]

export const ACT_NAMES: readonly ActName[] = [...(Object.keys(ACTS) as (keyof typeof ACTS)[]), ...OPENINGS]
