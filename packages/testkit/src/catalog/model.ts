import assert from 'node:assert/strict'
import {
  type Catalog,
  digestOf,
  isMediaError,
  type MediaCondition,
  type MediaErrorCode,
  newId,
} from '@mediakeep/core'
import { seededRandom } from '../random.ts'
import { listAll } from './expect.ts'
import { collectAll } from './purge.ts'
import { ALPHA, put, type Staged, stage } from './put.ts'

/** One step of a walk, as data: small numbers that choose among what there is, so that any list of steps means something. */
export type CatalogStep =
  | {
      readonly type: 'put'
      readonly key?: number
      readonly bytes: number
      readonly tag: number
      readonly when?: 'absent' | 'exists'
    }
  | {
      readonly type: 'replace'
      readonly record: number
      readonly bytes: number
      readonly staleRevision: boolean
    }
  | { readonly type: 'rename'; readonly record: number; readonly key: number | null }
  | { readonly type: 'retag'; readonly record: number; readonly tag: number; readonly staleRevision: boolean }
  | { readonly type: 'link' | 'unlink'; readonly record: number; readonly target: number }
  | { readonly type: 'delete'; readonly record: number }
  | { readonly type: 'stage'; readonly bytes: number }
  | { readonly type: 'abandon' }
  | { readonly type: 'collect' }

interface ModelRecord {
  readonly id: string
  key: string | undefined
  bytes: string
  tags: readonly string[]
  links: readonly string[]
  revision: number
  number: number
}

/**
 * Runs steps on an empty catalog and on a naive model beside it, and compares what each step answers,
 * then every record, every list by tag and link, and that garbage collection drops unused bytes only.
 * @throws AssertionError at the first difference, naming the step.
 */
export async function walkCatalog(
  catalog: Catalog,
  advance: (ms: number) => Promise<void>,
  steps: readonly CatalogStep[],
): Promise<void> {
  /** Newest last. */
  const model: ModelRecord[] = []
  const open: Staged[] = []
  const pick = (at: number): ModelRecord | undefined => model[at % Math.max(1, model.length)]
  const keyed = (key: string): ModelRecord | undefined => model.find((record) => record.key === key)

  const take = async (step: CatalogStep): Promise<void> => {
    switch (step.type) {
      case 'put': {
        const [key, bytes, tags] = [
          step.key === undefined ? undefined : `key ${step.key}`,
          `b${step.bytes}`,
          [`t${step.tag}`],
        ]
        const existing = key === undefined ? undefined : keyed(key)
        const when: MediaCondition | undefined = step.when === undefined ? undefined : { type: step.when }
        const isRefused = when !== undefined && (when.type === 'absent') !== (existing === undefined)
        const id = newId()
        const at = key === undefined ? {} : { at: { key } }
        const committed = await outcome(
          put(catalog, { ...at, id, bytes, tags, ...(when === undefined ? {} : { when }) }),
        )
        if (isRefused) return assert.equal(committed, 'MEDIA_PRECONDITION')
        assert.ok(
          typeof committed === 'object',
          `refused with ${typeof committed === 'string' ? committed : ''}`,
        )
        assert.equal(committed.created, existing === undefined, 'created')
        if (existing === undefined) model.push({ id, key, bytes, tags, links: [], revision: 1, number: 1 })
        else change(existing, { bytes, tags, number: existing.number + 1 })
        return
      }
      case 'replace': {
        const record = pick(step.record)
        const revision = (record?.revision ?? 1) - (step.staleRevision ? 1 : 0)
        const [at, bytes] = [record?.id ?? newId(), `b${step.bytes}`]
        const committed = await outcome(put(catalog, { at, bytes, when: { type: 'revision', revision } }))
        if (record === undefined) return assert.equal(committed, 'MEDIA_ABSENT')
        if (step.staleRevision) return assert.equal(committed, 'MEDIA_PRECONDITION')
        assert.ok(
          typeof committed === 'object',
          `refused with ${typeof committed === 'string' ? committed : ''}`,
        )
        return change(record, { bytes, number: record.number + 1 })
      }
      case 'rename': {
        const record = pick(step.record)
        const key = step.key === null ? null : `key ${step.key}`
        const updated = await outcome(catalog.update(ALPHA, record?.id ?? newId(), { key }))
        if (record === undefined) return assert.equal(updated, 'MEDIA_ABSENT')
        const holder = key === null ? undefined : keyed(key)
        if (holder !== undefined && holder !== record) return assert.equal(updated, 'MEDIA_CONFLICT')
        assert.ok(typeof updated === 'object', `refused with ${typeof updated === 'string' ? updated : ''}`)
        return change(record, { key: key ?? undefined })
      }
      case 'retag': {
        const record = pick(step.record)
        const options = { ifRevision: (record?.revision ?? 1) + (step.staleRevision ? 1 : 0) }
        const tags = [`t${step.tag}`, 'all']
        const updated = await outcome(catalog.update(ALPHA, record?.id ?? newId(), { tags }, options))
        if (record === undefined) return assert.equal(updated, 'MEDIA_ABSENT')
        if (step.staleRevision) return assert.equal(updated, 'MEDIA_PRECONDITION')
        assert.ok(typeof updated === 'object', `refused with ${typeof updated === 'string' ? updated : ''}`)
        return change(record, { tags })
      }
      case 'link':
      case 'unlink': {
        const record = pick(step.record)
        const target = `${step.target}`
        const linked = await outcome(catalog[step.type](ALPHA, record?.id ?? newId(), { kind: 'k', target }))
        if (record === undefined) return assert.equal(linked, 'MEDIA_ABSENT')
        const rest = record.links.filter((link) => link !== target)
        const isThere = rest.length < record.links.length
        if (isThere !== (step.type === 'link')) {
          change(record, { links: step.type === 'link' ? [...rest, target] : rest })
        }
        return
      }
      case 'delete': {
        const record = pick(step.record)
        const deleted = await catalog.delete(ALPHA, record?.id ?? newId())
        assert.equal(deleted?.id, record?.id)
        if (record !== undefined) model.splice(model.indexOf(record), 1)
        return
      }
      case 'stage': {
        const bytes = `b${step.bytes}`
        const staged = await stage(catalog, { bytes })
        // Bytes of a deleted record may still be there; bytes in use must be.
        if (model.some((record) => record.bytes === bytes))
          assert.equal(staged.existing.length, 1, 'existing')
        open.push(staged)
        return
      }
      case 'abandon': {
        const staged = open.shift()
        if (staged !== undefined) await catalog.endSession(staged.session)
        return
      }
      case 'collect': {
        const used = new Set(
          (await listAll(catalog, ALPHA)).flatMap(({ content }) => content.placements.map(({ id }) => id)),
        )
        for (const { id } of await collectAll(catalog, advance))
          assert.equal(used.has(id), false, 'used bytes were dropped')
        return
      }
    }
  }

  for (const [at, step] of steps.entries()) {
    try {
      await take(step)
      await compare(catalog, model)
    } catch (error) {
      throw new Error(`step ${at} of ${steps.length}, ${JSON.stringify(step)}: ${String(error)}`, {
        cause: error,
      })
    }
  }
  for (const { session } of open) await catalog.endSession(session)
}

/** A walk of `length` steps, the same for the same seed. */
export function catalogWalk(seed: number, length: number): CatalogStep[] {
  const random = seededRandom(seed)
  const small = (maxExclusive: number): number => random.integer(0, maxExclusive)
  const makers: readonly (() => CatalogStep)[] = [
    () => ({ type: 'put', bytes: small(4), tag: small(3) }),
    () => ({ type: 'put', key: small(4), bytes: small(4), tag: small(3) }),
    () => ({
      type: 'put',
      key: small(4),
      bytes: small(4),
      tag: small(3),
      when: small(2) === 0 ? 'absent' : 'exists',
    }),
    () => ({ type: 'replace', record: small(20), bytes: small(4), staleRevision: small(4) === 0 }),
    () => ({ type: 'rename', record: small(20), key: small(5) === 4 ? null : small(4) }),
    () => ({ type: 'retag', record: small(20), tag: small(3), staleRevision: small(4) === 0 }),
    () => ({ type: 'link', record: small(20), target: small(3) }),
    () => ({ type: 'unlink', record: small(20), target: small(3) }),
    () => ({ type: 'delete', record: small(20) }),
    () => ({ type: 'delete', record: small(20) }),
    () => ({ type: 'stage', bytes: small(4) }),
    () => ({ type: 'abandon' }),
    () => ({ type: 'collect' }),
  ]
  return Array.from({ length }, () => {
    const make = makers[small(makers.length)]
    if (make === undefined) throw new Error('no such step')
    return make()
  })
}

function change(record: ModelRecord, to: Partial<ModelRecord>): void {
  Object.assign(record, to)
  record.revision += 1
}

/** What a call answers, or the code it refuses with. */
async function outcome<T extends object>(call: Promise<T>): Promise<T | MediaErrorCode> {
  try {
    return await call
  } catch (error) {
    if (isMediaError(error)) return error.code
    throw error
  }
}

async function compare(catalog: Catalog, model: readonly ModelRecord[]): Promise<void> {
  const wanted = [...model].reverse()
  const shown = await listAll(catalog, ALPHA)
  assert.deepEqual(
    shown.map(({ id, key, revision, tags, links, content }) => ({
      id,
      key,
      revision,
      tags: [...tags],
      links: links.map(({ target }) => target),
      number: content.number,
      digest: content.digest,
      live: content.placements.length,
    })),
    wanted.map(({ id, key, revision, tags, links, number, bytes }) => {
      const digest = digestOf(Buffer.from(bytes))
      return { id, key, revision, tags: [...tags], links: [...links], number, digest, live: 1 }
    }),
  )
  const ids = (records: readonly { readonly id: string }[]): string[] => records.map(({ id }) => id)
  for (const tag of ['t0', 't1', 'all']) {
    const found = await listAll(catalog, ALPHA, { tag, limit: 3 })
    assert.deepEqual(ids(found), ids(wanted.filter(({ tags }) => tags.includes(tag))), `by tag ${tag}`)
  }
  const [linked = []] = await catalog.linked(ALPHA, [{ kind: 'k', target: '1' }], 100)
  assert.deepEqual(ids(linked), ids(wanted.filter(({ links }) => links.includes('1'))), 'linked()')
}
