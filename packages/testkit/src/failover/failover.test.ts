import {
  bytesSource,
  createMemoryVolume,
  type FailoverEvent,
  type FailoverStore,
  type FailoverStoreOptions,
  failoverStore,
  type HealedObject,
  isMediaError,
  MediaError,
  type MemoryStore,
  memoryStore,
  type ObjectHead,
} from '@mediakeep/core'
import { afterEach, describe, expect, test } from 'vitest'
import { failingSource } from '../bodies.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { codeOf } from '../code-of.fixture.ts'
import type { FaultEffect } from '../faults/plan.ts'
import { withFaults } from '../faults/with-faults.ts'
import { isAbsent, listAll, putBytes, readAll } from '../object-store/expect.ts'
import { seededBytes, seededRandom } from '../random.ts'

interface Backend {
  readonly memory: MemoryStore
  /** What every call meets, now. */
  effect: ((member: string) => FaultEffect | undefined) | undefined
  isDown: boolean
  /** Calls that reached it. */
  calls: string[]
}

interface World {
  readonly clock: FakeClock
  readonly backends: readonly [Backend, Backend, Backend]
  readonly store: FailoverStore
  readonly events: FailoverEvent[]
  /** Another process over the same bytes, or this one after a restart. */
  again(): FailoverStore
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

function world(options: FailoverStoreOptions = {}): World {
  const clock = fakeClock()
  const backend = (name: string): Backend => {
    const volume = createMemoryVolume({ maxBytes: 64 * 1024 * 1024, clock })
    return { memory: memoryStore({ name, clock, volume }), effect: undefined, isDown: false, calls: [] }
  }
  const backends = [backend('first'), backend('second'), backend('third')] as const
  const events: FailoverEvent[] = []
  const again = (): FailoverStore => {
    const stores = backends.map((one) => {
      const { volume, name } = one.memory
      return withFaults(memoryStore({ volume, name, clock }), (member) => {
        if (member === 'close') return undefined
        one.calls.push(member)
        if (one.isDown) return { type: 'fail', at: 'before' }
        return one.effect?.(member)
      }).store
    })
    const store = failoverStore(stores, { clock, onEvent: (event) => events.push(event), ...options })
    closing.push(() => store.close())
    return store
  }
  return { clock, backends, events, again, store: again() }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
/** Time passes until the probes have found the members that are back. */
async function recover({ clock }: Pick<World, 'clock'>): Promise<void> {
  for (let step = 0; step < 4; step++) {
    clock.advance(60_000)
    await turns()
  }
}
async function healed(store: FailoverStore): Promise<HealedObject[]> {
  const all: HealedObject[] = []
  for await (const one of store.heal()) all.push(one)
  return all
}
const has = (backend: Backend, key: string): boolean => backend.memory.volume.find(key) !== undefined

describe('failoverStore()', () => {
  test('puts into the first member that takes it, and says where', async () => {
    const { store, backends, events } = world()
    expect((await putBytes(store, 'a', 'x')).storedIn).toBe('first')
    backends[0].isDown = true
    expect((await putBytes(store, 'b', 'y')).storedIn).toBe('second')
    backends[1].effect = (member) =>
      member === 'put'
        ? { type: 'fail', at: 'before', error: new MediaError('MEDIA_NO_SPACE', 'full') }
        : undefined
    expect((await putBytes(store, 'c', 'z')).storedIn).toBe('third')
    backends[0].isDown = false
    for (const [key, member] of [
      ['a', 'first'],
      ['b', 'second'],
      ['c', 'third'],
    ] as const) {
      expect((await store.head(key))?.storedIn).toBe(member)
      expect((await store.list()).objects.find((one) => one.key === key)?.storedIn).toBe(member)
    }
    expect(events).toContainEqual({ type: 'landed-elsewhere', member: 'third', key: 'c' })
  })

  test('stops asking a member that is down, and asks it again when a probe says that it is back', async () => {
    const seen = world()
    const { store, backends, events } = seen
    backends[0].isDown = true
    for (let put = 0; put < 20; put++) await putBytes(store, `k${put}`, 'x')
    expect(backends[0].calls.filter((call) => call === 'put').length).toBe(5)
    expect(store.health()[0]).toMatchObject({ name: 'first', isUp: false, state: 'open' })
    await recover(seen)
    expect((await putBytes(store, 'still', 'x')).storedIn).toBe('second')
    backends[0].isDown = false
    await recover(seen)
    expect((await putBytes(store, 'back', 'x')).storedIn).toBe('first')
    expect(events.filter(({ type }) => type !== 'landed-elsewhere').at(-1)).toEqual({
      type: 'member-up',
      member: 'first',
    })
  })

  test('says "absent" only when every member said so', async () => {
    const { store, backends } = world({ circuit: { consecutiveFailures: 1_000, minFailures: 1_000 } })
    await isAbsent(store, 'never', 'with all up')
    for (const backend of backends) {
      backend.isDown = true
      for (const run of [() => store.head('never'), () => store.get('never'), () => store.list()])
        expect(isMediaError(await run().catch((error: unknown) => error), 'MEDIA_UNAVAILABLE')).toBe(true)
      backend.isDown = false
    }
    expect(await store.head('never')).toBeUndefined()
  })

  test('reads what any member that is up has, while others are down', async () => {
    const { store, backends } = world()
    backends[0].isDown = true
    await putBytes(store, 'a', 'in the second')
    backends[2].isDown = true
    expect((await readAll(store, 'a')).toString()).toBe('in the second')
  })

  test('finds an object that is moved to a better member while it is asked for', async () => {
    const { backends, again, store } = world()
    await backends[1].memory.put('a', bytesSource(Buffer.from('x')))
    // The first has said "absent"; before the second is asked, another process moves the object.
    backends[1].effect = (member) => {
      if (member === 'head') {
        backends[1].effect = undefined
        const until = backends[0].memory
          .put('a', bytesSource(Buffer.from('x')))
          .then(() => backends[1].memory.delete('a'))
        return { type: 'hold', at: 'before', until }
      }
      return undefined
    }
    expect((await again().head('a'))?.storedIn).toBe('first')
    expect((await store.head('a'))?.storedIn).toBe('first')
  })

  test('all acknowledged writes are readable when the preferred member is killed amid 1,000, and healed when it is back', async () => {
    const seen = world()
    const { store, backends, again } = seen
    const random = seededRandom(42)
    const acknowledged = new Map<string, Buffer>()
    const heads = new Map<string, ObjectHead>()
    let put = 0
    backends[0].effect = (member) => {
      if (member === 'put' && ++put > 300) backends[0].isDown = true
      // Answers are lost and bodies cut in the moments before.
      if (member === 'put' && put > 250)
        return random.next() < 0.3 ? { type: 'fail', at: 'after' } : undefined
      return undefined
    }
    await Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let index = writer; index < 1_000; index += 16) {
          const key = `object/${index}`
          const body = Buffer.from(seededBytes(index + 1, 1 + ((index * 97) % 3_000)))
          heads.set(key, await store.put(key, bytesSource(body)))
          acknowledged.set(key, body)
        }
      }),
    )
    expect(acknowledged.size).toBe(1_000)
    const elsewhere = [...heads.values()]
      .filter(({ storedIn }) => storedIn === 'second')
      .map(({ key }) => key)
    expect(elsewhere.length).toBeGreaterThan(600)
    const second = again()
    for (const [key, body] of acknowledged) {
      // Down: what is in the first cannot be read, and is never told as absent.
      const read = await readAll(store, key).catch((error: unknown) => error)
      if (heads.get(key)?.storedIn === 'second') expect(Buffer.compare(read as Buffer, body)).toBe(0)
      else expect(isMediaError(read, 'MEDIA_UNAVAILABLE')).toBe(true)
    }
    backends[0].isDown = false
    backends[0].effect = undefined
    await recover(seen)
    for (const process of [store, second]) {
      for (const [key, body] of acknowledged) {
        const head = await process.head(key)
        // A lost answer leaves a copy in the first too: either place is true.
        expect(['first', 'second']).toContain(head?.storedIn)
        expect(Buffer.compare(await readAll(process, key), body)).toBe(0)
      }
    }
    const outcomes = await healed(store)
    expect(outcomes.map(({ key }) => key).sort()).toEqual(elsewhere.sort())
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['moved', 'dropped']))
    expect(await healed(second)).toEqual([])
    for (const [key, body] of acknowledged) {
      expect(Buffer.compare(await readAll(second, key), body)).toBe(0)
      expect((await store.head(key))?.storedIn).toBe('first')
      expect([has(backends[1], key), has(backends[2], key)]).toEqual([false, false])
    }
    for (const key of acknowledged.keys()) await store.delete(key)
    for (const { memory } of backends) expect(memory.volume.usedBytes).toBe(0)
  })

  test('deletes every copy: those of members that are down later, unseen until then, and told', async () => {
    const seen = world()
    const { store, backends, events } = seen
    await putBytes(store, 'a', 'x')
    await backends[2].memory.put('a', bytesSource(Buffer.from('a copy')))
    backends[0].isDown = true
    await store.delete('a')
    expect(events).toContainEqual({ type: 'delete-owed', member: 'first', key: 'a' })
    expect(store.owed()).toEqual([{ member: 'first', key: 'a' }])
    expect(has(backends[2], 'a')).toBe(false)
    expect(await store.head('a')).toBeUndefined()
    backends[0].isDown = false
    await isAbsent(store, 'a', 'while it is owed')
    expect(await healed(store)).toEqual([])
    expect(has(backends[0], 'a')).toBe(false)
    expect(store.owed()).toEqual([])
  })

  test('pays what is owed by itself when the member is back', async () => {
    const seen = world()
    const { store, backends } = seen
    for (let index = 0; index < 10; index++) await putBytes(store, `k${index}`, 'x')
    backends[0].isDown = true
    for (let index = 0; index < 10; index++) await store.delete(`k${index}`)
    expect(store.health()[0]).toMatchObject({ isUp: false, owedDeletes: 10 })
    backends[0].isDown = false
    await recover(seen)
    expect(backends[0].memory.volume.usedBytes).toBe(0)
    expect(store.owed()).toEqual([])
  })

  test('an owed delete never takes what a put has stored since', async () => {
    const { store, backends } = world()
    await putBytes(store, 'a', 'old')
    backends[0].isDown = true
    await store.delete('a')
    backends[0].isDown = false
    expect((await putBytes(store, 'a', 'new')).storedIn).toBe('first')
    expect(store.owed()).toEqual([])
    await healed(store)
    expect((await readAll(store, 'a')).toString()).toBe('new')
  })

  test('refuses a delete that would be owed over the bound, or that no member took', async () => {
    const { store, backends } = world({ maxOwed: 1 })
    for (const key of ['a', 'b']) await putBytes(store, key, 'x')
    backends[0].isDown = true
    await store.delete('a')
    expect(await codeOf(store.delete('b'))).toBe('too-many-owed')
    await store.delete('a') // owed already: no more than before
    for (const backend of backends) backend.isDown = true
    expect(await codeOf(store.delete('a'))).toBe('injected')
    const answers = await store.deleteMany(['a', 'b'])
    expect(answers.every(({ error }) => error !== undefined)).toBe(true)
  })

  test('a key that is put again is read as the newest, whichever member took it', async () => {
    const { store, backends } = world()
    await putBytes(store, 'a', 'one')
    backends[0].isDown = true
    await putBytes(store, 'a', 'two')
    backends[0].isDown = false
    expect((await readAll(store, 'a')).toString()).toBe('two')
    backends[1].isDown = true
    expect(await codeOf(readAll(store, 'a'))).toBe('injected') // never the older one
    backends[1].isDown = false
    expect((await healed(store)).map(({ outcome }) => outcome)).toEqual(['moved'])
    expect(backends[0].memory.volume.find('a')?.bytes.byteLength).toBe(3)
    expect((await readAll(store, 'a')).toString()).toBe('two')
    expect(has(backends[1], 'a')).toBe(false)
    await putBytes(store, 'a', 'three')
    expect((await readAll(store, 'a')).toString()).toBe('three')
  })

  test('a put into the preferred member takes away the copy that had landed elsewhere', async () => {
    const { store, backends } = world()
    backends[0].isDown = true
    await putBytes(store, 'a', 'elsewhere')
    backends[0].isDown = false
    await putBytes(store, 'a', 'home')
    expect(has(backends[1], 'a')).toBe(false)
    expect((await readAll(store, 'a')).toString()).toBe('home')
  })

  test('conditions hold over all members, and are not decided while one is down', async () => {
    const { store, backends, again } = world()
    const when = { type: 'absent' } as const
    const text = bytesSource(Buffer.from('x'))
    backends[0].isDown = true
    const { etag } = await putBytes(store, 'a', 'elsewhere')
    expect(await codeOf(store.put('b', text, { when }))).toBe('injected')
    backends[0].isDown = false
    expect(await codeOf(again().put('a', text, { when }))).toBe('MEDIA_PRECONDITION')
    expect((await again().put('a', text, { when: { type: 'match', etag } })).storedIn).toBe('second')
    expect(await codeOf(again().put('b', text, { when }))).toBe('ok')
  })

  test('does not go on to another member for the fault of the caller or of the source', async () => {
    const { store, backends } = world()
    const reason = new Error('the caller left')
    const refusals: [() => Promise<unknown>, string][] = [
      [
        () => store.put('a', failingSource(seededBytes(1, 9_000), 100, new Error('the source broke'))),
        'Error: the source broke',
      ],
      [
        () => store.put('a', bytesSource(Buffer.from('x')), { checksum: `sha256:${'0'.repeat(64)}` }),
        'MEDIA_DIGEST_MISMATCH',
      ],
      [
        () => store.put('a', bytesSource(Buffer.from('x')), { signal: AbortSignal.abort(reason) }),
        'Error: the caller left',
      ],
      [() => store.put('', bytesSource(Buffer.from('x'))), 'bad-key'],
    ]
    for (const [run, code] of refusals) expect(await codeOf(run())).toBe(code)
    expect(backends[1].calls).toEqual([])
  })

  test('refuses members that it cannot keep apart, and has the traits of the weakest', async () => {
    expect(() => failoverStore([])).toThrow('no members')
    expect(() => failoverStore([memoryStore(), memoryStore()])).toThrow('one name')
    const big = memoryStore({ name: 'big', maxBytes: 1_000 })
    const small = memoryStore({ name: 'small', maxBytes: 10 })
    const store = failoverStore([big, small])
    expect(store.traits.maxObjectBytes).toBe(10)
    expect(await codeOf(store.put('a', bytesSource(new Uint8Array(11))))).toBe('MEDIA_TOO_LARGE')
    await store.close()
  })

  test('leaves no timer after close, whatever is down', async () => {
    const { store, backends, clock } = world({ circuit: { consecutiveFailures: 1 } })
    backends[0].isDown = true
    await putBytes(store, 'a', 'x')
    expect(clock.pendingTimers).toBe(1)
    await store.close()
    expect(clock.pendingTimers).toBe(0)
    expect(await codeOf(store.head('a'))).toBe('MEDIA_CLOSED')
  })
})

describe('heal()', () => {
  /** Objects in the second member, as another process left them. */
  async function displaced(count: number, options: FailoverStoreOptions = {}): Promise<World> {
    const made = world(options)
    for (let index = 0; index < count; index++)
      await made.backends[1].memory.put(`k${index}`, bytesSource(seededBytes(index + 1, 5_000)), {
        contentType: 'image/png',
        metadata: { n: String(index) },
      })
    return made
  }
  const readBack = async (store: FailoverStore, count: number): Promise<void> => {
    for (let index = 0; index < count; index++)
      expect(Buffer.compare(await readAll(store, `k${index}`), seededBytes(index + 1, 5_000))).toBe(0)
  }

  test('keeps content type and metadata', async () => {
    const { store } = await displaced(1)
    expect((await healed(store))[0]).toMatchObject({
      key: 'k0',
      from: 'second',
      to: 'first',
      outcome: 'moved',
      sizeBytes: 5_000,
    })
    expect(await store.head('k0')).toMatchObject({
      storedIn: 'first',
      contentType: 'image/png',
      metadata: { n: '0' },
    })
  })

  test('loses nothing when it is broken off at any call, and a second round ends it', async () => {
    const counting = await displaced(3)
    await healed(counting.store)
    const steps = [0, 1].flatMap(
      (rank) => counting.backends[rank]?.calls.map((_, index) => ({ rank, index })) ?? [],
    )
    expect(steps.length).toBeGreaterThan(15)
    for (const { rank, index } of steps) {
      for (const at of ['before', 'after'] as const) {
        const { store, backends, again, clock } = await displaced(3)
        let call = 0
        let isDead = false
        for (const one of [0, 1]) {
          const backend = backends[one === 0 ? 0 : 1]
          // The process dies at this call: nothing it asks for happens any more.
          backend.effect = () => {
            if (isDead) return { type: 'fail', at: 'before', error: new Error('dead') }
            if (one !== rank || call++ !== index) return undefined
            isDead = true
            return { type: 'fail', at, error: new Error('dead') }
          }
        }
        await healed(store).catch(() => {})
        for (const backend of backends) backend.effect = undefined
        const next = again()
        await readBack(next, 3)
        await recover({ clock })
        await healed(next)
        await readBack(next, 3)
        for (let object = 0; object < 3; object++)
          expect([has(backends[0], `k${object}`), has(backends[1], `k${object}`)]).toEqual([true, false])
      }
    }
  })

  test('never drops what reads back otherwise, and takes the bad copy away', async () => {
    const { store, backends } = await displaced(1)
    backends[0].effect = (member) => (member === 'get' ? { type: 'flip', atByte: 7 } : undefined)
    const [first] = await healed(store)
    expect([first?.outcome, isMediaError(first?.error, 'MEDIA_CORRUPT')]).toEqual(['failed', true])
    expect([has(backends[0], 'k0'), has(backends[1], 'k0')]).toEqual([false, true])
  })

  test('leaves both where the bytes differ and nobody knows which are newer, and tells', async () => {
    const { backends, again } = await displaced(1)
    await backends[0].memory.put('k0', bytesSource(Buffer.from('other')))
    expect((await healed(again())).map(({ outcome }) => outcome)).toEqual(['conflict'])
    expect([has(backends[0], 'k0'), has(backends[1], 'k0')]).toEqual([true, true])
  })

  test('waits for a put of the key under way, and does nothing where no better member is up', async () => {
    const { store, backends } = await displaced(1)
    let release = (): void => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    backends[0].effect = (member) => (member === 'put' ? { type: 'hold', at: 'before', until } : undefined)
    const put = putBytes(store, 'k0', 'new')
    await turns()
    expect((await healed(store)).map(({ outcome }) => outcome)).toEqual(['waits'])
    release()
    await put
    backends[0].effect = undefined
    backends[0].isDown = true
    for (let index = 0; index < 6; index++) await putBytes(store, `x${index}`, 'x')
    expect(await healed(store)).toEqual([])
  })

  test('two at once move each object once and lose none', async () => {
    const { store, again, backends } = await displaced(20)
    await Promise.all([healed(store), healed(again())])
    await healed(store)
    await readBack(store, 20)
    expect(backends[1].memory.volume.usedBytes).toBe(0)
  })

  test('ends with the reason of its signal', async () => {
    const { store } = await displaced(3)
    const controller = new AbortController()
    const reason = { why: 'any value' }
    const run = async (): Promise<void> => {
      for await (const _one of store.heal({ signal: controller.signal })) controller.abort(reason)
    }
    await expect(run()).rejects.toBe(reason)
  })

  test('lists each object once while objects are moved, in pages of any size', async () => {
    for (const limit of [1, 3, 7, 1_000]) {
      const { store, again } = await displaced(20)
      for (let index = 0; index < 20; index++) await putBytes(store, `m${index}`, 'x')
      const healing = again().heal()[Symbol.asyncIterator]()
      const keys: string[] = []
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
        const page = await store.list({ limit, ...(cursor === undefined ? {} : { cursor }) })
        keys.push(...page.objects.map(({ key }) => key))
        cursor = page.cursor
        await healing.next()
      }
      expect(keys.length).toBe(40)
      expect(new Set(keys).size).toBe(40)
      while ((await healing.next()).done !== true);
      expect((await listAll(store, { limit })).map(({ storedIn }) => storedIn)).toEqual(
        Array(40).fill('first'),
      )
    }
  })
})

describe('uploads that nobody finished', () => {
  const sweeping = (name: string, sweep: () => Promise<number>): MemoryStore =>
    Object.assign(memoryStore({ name }), { sweepUploads: sweep })

  test('are ended on every member that knows of some, also behind one that fails, which is told', async () => {
    let asked = 0
    const good = async (): Promise<number> => {
      asked += 1
      return 2
    }
    const bad = async (): Promise<number> => {
      throw new MediaError('MEDIA_UNAVAILABLE', 'down')
    }
    const all = failoverStore([sweeping('a', good), memoryStore({ name: 'b' }), sweeping('c', good)])
    expect(await all.sweepUploads?.({ olderThanMs: 0 })).toBe(4)
    const broken = failoverStore([sweeping('a', bad), sweeping('b', good)])
    await expect(broken.sweepUploads?.({ olderThanMs: 0 })).rejects.toThrow('down')
    expect(asked).toBe(3)
    const none = failoverStore([memoryStore({ name: 'a' }), memoryStore({ name: 'b' })])
    expect(none.sweepUploads).toBeUndefined()
    for (const store of [all, broken, none]) await store.close()
  })
})
