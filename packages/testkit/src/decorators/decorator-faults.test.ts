import {
  type DecoratorTable,
  decorateStore,
  forwarded,
  OBJECT_STORE_MEMBERS,
  type ObjectStore,
  rewritten,
  withheld,
  withPrefix,
} from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { withFaults } from '../faults/with-faults.ts'
import { decoratorFaults } from './decorator-faults.ts'

const through: DecoratorTable = {
  name: forwarded,
  traits: forwarded,
  put: forwarded,
  get: forwarded,
  head: forwarded,
  delete: forwarded,
  deleteMany: forwarded,
  list: forwarded,
  close: forwarded,
  open: forwarded,
  identity: forwarded,
  presign: forwarded,
  directParts: forwarded,
  createWriter: forwarded,
  sweepUploads: forwarded,
  adopt: forwarded,
  localPath: forwarded,
  openFile: forwarded,
  readNow: forwarded,
  observe: forwarded,
  staging: forwarded,
  journal: forwarded,
  [Symbol.asyncDispose]: forwarded,
}

describe('decoratorFaults()', () => {
  test('finds none in a decorator that forwards all, nor in those we ship', async () => {
    expect(await decoratorFaults((inner) => decorateStore(inner, through))).toEqual([])
    expect(await decoratorFaults((inner) => withPrefix(inner, 'p/'))).toEqual([])
    expect(await decoratorFaults((inner) => withFaults(inner).store)).toEqual([])
  })

  test('convicts a wrapper made by spreading: it has no table', async () => {
    expect(await decoratorFaults((inner) => ({ ...inner }))).toEqual([
      'it has no table: make it with decorateStore',
    ])
  })

  test('convicts a withheld member without a reason', async () => {
    const faults = await decoratorFaults((inner) =>
      decorateStore(inner, { ...through, presign: withheld(' ') }),
    )
    expect(faults).toEqual(['presign is withheld without a reason'])
  })

  test('convicts a member that is withheld by the table and shows all the same', async () => {
    const faults = await decoratorFaults((inner) =>
      Object.assign(decorateStore(inner, { ...through, adopt: withheld('copies in the clear') }), {
        adopt: () => Promise.reject(new Error('never')),
      }),
    )
    expect(faults).toContain('adopt is withheld but shows')
  })

  test('convicts a member said to be forwarded that does not reach the inner store', async () => {
    const faults = await decoratorFaults((inner) =>
      Object.assign(decorateStore(inner, through), { head: async () => undefined }),
    )
    expect(faults).toEqual(['head is forwarded but does not reach the inner store'])
  })
})

describe('decorateStore()', () => {
  const inner = (): ObjectStore => withFaults(new Probe(), []).store

  test('refuses a table without a row for a member', () => {
    for (const member of OBJECT_STORE_MEMBERS) {
      const { [member]: _dropped, ...rest } = through
      expect(() => decorateStore(inner(), rest as DecoratorTable), String(member)).toThrow(
        `no row for ${String(member)}`,
      )
    }
  })

  test('keeps members of an inner store that is an instance of a class', async () => {
    const probe = new Probe()
    const store = decorateStore(probe, through)
    await store.close()
    expect(probe.closed).toBe(true)
    expect(await store.identity?.()).toEqual({ id: 'probe', layout: 1 })
    expect(store.presign).toBeUndefined()
  })

  test('shows a rewritten optional member only where the inner store has it', () => {
    const presign = async () => ({ method: 'GET', url: new URL('https://x.invalid'), headers: {} })
    expect(decorateStore(new Probe(), { ...through, presign: rewritten(presign) }).presign).toBeUndefined()
  })
})

/** A store as a class, with state in fields: what spreading would lose. */
class Probe implements ObjectStore {
  readonly name = 'probe'
  readonly traits = withPrefixTraits
  closed = false
  put = () => Promise.reject(new Error('unused'))
  get = async () => undefined
  head = async () => undefined
  delete = async () => {}
  deleteMany = async () => []
  list = async () => ({ objects: [] })
  async close(): Promise<void> {
    this.closed = true
  }
  async identity() {
    return { id: this.name, layout: 1 }
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const withPrefixTraits: ObjectStore['traits'] = {
  maxObjectBytes: 1,
  maxKeyBytes: 100,
  minPartBytes: 0,
  paid: false,
  shared: false,
  durability: 'none',
  conditionalPut: 'enforced',
  retries: false,
  listOrder: 'key',
}
