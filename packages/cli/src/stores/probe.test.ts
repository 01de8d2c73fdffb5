import {
  bytesSource,
  type GetObjectOptions,
  memoryStore,
  type ObjectStore,
  type PutObjectOptions,
} from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { type ProbeResult, probeStore } from './probe.ts'

const never = new AbortController().signal

async function probe(store: ObjectStore): Promise<Record<string, ProbeResult['outcome']>> {
  const results: Record<string, ProbeResult['outcome']> = {}
  for await (const { check, outcome } of probeStore(store, never)) results[check] = outcome
  return results
}

/** A store with one member that does something else. */
function storeWith<Member extends keyof ObjectStore>(
  member: Member,
  make: (inner: ObjectStore) => ObjectStore[Member],
): ObjectStore {
  const inner = memoryStore()
  return new Proxy<ObjectStore>(inner, {
    get: (target, name) => (name === member ? make(inner) : (Reflect.get(target, name) as unknown)),
  })
}

describe('probeStore()', () => {
  it('finds nothing wrong with a good store, touches nothing of it, and leaves nothing', async () => {
    const store = memoryStore()
    await store.put('mine', bytesSource(Buffer.from('x')))
    const results = await probe(store)
    expect(Object.values(results).filter((outcome) => outcome === 'failed')).toEqual([])
    expect(Object.keys(results).length).toBe(9)
    expect((await store.list()).objects.map(({ key }) => key)).toEqual(['mine'])
  })

  it.each<[string, ObjectStore, string]>([
    [
      'other bytes than those of a range',
      storeWith('get', (inner) => (key: string, options: GetObjectOptions = {}) => {
        const { range } = options
        if (range === undefined || range.start === 0) return inner.get(key, options)
        return inner.get(key, {
          ...options,
          range: { start: range.start - 1, endExclusive: range.endExclusive - 1 },
        })
      }),
      'range',
    ],
    [
      'conditions that are ignored',
      storeWith('put', (inner) => (key, source, options: PutObjectOptions = {}) => {
        const { when: _when, ...rest } = options
        return inner.put(key, source, rest)
      }),
      'conditional-put',
    ],
    [
      'a clock that is an hour ahead',
      storeWith('head', (inner) => async (key, call) => {
        const head = await inner.head(key, call)
        return head === undefined
          ? undefined
          : { ...head, modifiedAt: new Date(head.modifiedAt.getTime() + 3_600_000) }
      }),
      'clock',
    ],
    ['deletes that do nothing', storeWith('delete', () => async () => {}), 'delete'],
    [
      'lists that end early',
      storeWith('list', (inner) => async (options) => {
        const { objects } = await inner.list(options)
        return { objects }
      }),
      'list',
    ],
  ])('finds %s', async (_, store, check) => {
    expect((await probe(store))[check]).toBe('failed')
  })

  it('removes its objects also when it is stopped on the way', async () => {
    const store = memoryStore()
    for await (const { check } of probeStore(store, never)) {
      if (check !== 'put-get') continue
      expect((await store.list()).objects.length).toBe(1)
      break
    }
    expect((await store.list()).objects).toEqual([])
  })
})
