import {
  type DirectParts,
  decoratorTableOf,
  OBJECT_STORE_MEMBERS,
  type ObjectStore,
  type ObjectWriter,
} from '@mediakeep/core'

type Member = keyof ObjectStore

/**
 * Checks a decorator against its table: a row for every member of `ObjectStore`, and every row true.
 * @returns what is wrong, each in words; empty when nothing is.
 */
export async function decoratorFaults(
  decorate: (inner: ObjectStore) => ObjectStore,
): Promise<readonly string[]> {
  const reached: Member[] = []
  const probe = probeStore((member) => reached.push(member))
  const outer = decorate(probe)
  const table = decoratorTableOf(outer)
  if (table === undefined) return ['it has no table: make it with decorateStore']
  const faults: string[] = []
  for (const member of OBJECT_STORE_MEMBERS) {
    const row = table[member]
    const label = String(member)
    if (row === undefined) faults.push(`no row for ${label}`)
    else if (row.rule === 'withheld') {
      if (row.reason.trim() === '') faults.push(`${label} is withheld without a reason`)
      if (outer[member] !== undefined) faults.push(`${label} is withheld but shows`)
    } else if (outer[member] === undefined) faults.push(`${label} is ${row.rule} but does not show`)
    else if (row.rule === 'forwarded') {
      reached.length = 0
      await use(outer, member)
      const same =
        (member === 'staging' || member === 'journal' || member === 'directParts') &&
        outer[member] === probe[member]
      if (!same && !reached.includes(member))
        faults.push(`${label} is forwarded but does not reach the inner store`)
    }
  }
  const bare = decorate(bareStore())
  const bareTable = decoratorTableOf(bare)
  for (const member of OBJECT_STORE_MEMBERS) {
    const isAdded = bareTable?.[member].rule === 'added'
    if (bare[member] !== undefined && !(member in bareStore()) && !isAdded)
      faults.push(`${String(member)} shows although the inner store lacks it`)
  }
  return faults
}

async function use(store: ObjectStore, member: Member): Promise<void> {
  const value: unknown = store[member]
  if (typeof value === 'function') await Reflect.apply(value, store, ['key', 'key', 'key'])
}

const unused = async (): Promise<never> => Promise.reject(new Error('not part of the probe'))

/** The least a store can be: no optional member. */
function bareStore(): ObjectStore {
  const head = { key: 'key', sizeBytes: 0, etag: 'e', modifiedAt: new Date(0) }
  return {
    name: 'probe',
    traits: {
      maxObjectBytes: 1,
      maxKeyBytes: 1_000,
      minPartBytes: 0,
      paid: false,
      shared: false,
      durability: 'none',
      conditionalPut: 'enforced',
      retries: false,
      listOrder: 'key',
    },
    put: async () => head,
    get: async () => undefined,
    head: async () => head,
    delete: async () => {},
    deleteMany: async () => [],
    list: async () => ({ objects: [] }),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}

/** A store with every member, which tells each use. */
function probeStore(told: (member: Member) => void): ObjectStore {
  const bare = bareStore()
  const parts: DirectParts = {
    maxParts: 1,
    maxPartBytes: 1,
    begin: unused,
    sign: unused,
    list: unused,
    complete: unused,
    abort: unused,
  }
  const writer: ObjectWriter = { write: unused, commit: unused, abort: async () => {} }
  const tell = <Args extends readonly unknown[], Result>(member: Member, run: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      told(member)
      return run(...args)
    }
  }
  return {
    get name() {
      told('name')
      return bare.name
    },
    get traits() {
      told('traits')
      return bare.traits
    },
    staging: { usedBytes: 0, budgetBytes: 0, create: unused, sweep: async () => 0 },
    journal: {
      append: unused,
      read: async function* () {},
      size: async () => 0,
      isBehind: async () => false,
      compact: unused,
    },
    put: tell('put', bare.put),
    get: tell('get', bare.get),
    head: tell('head', bare.head),
    delete: tell('delete', bare.delete),
    deleteMany: tell('deleteMany', bare.deleteMany),
    list: tell('list', bare.list),
    close: tell('close', bare.close),
    [Symbol.asyncDispose]: tell(Symbol.asyncDispose, bare[Symbol.asyncDispose]),
    open: tell('open', async () => {}),
    identity: tell('identity', async () => ({ id: 'id', layout: 1 })),
    presign: tell('presign', async () => ({
      method: 'GET',
      url: new URL('https://probe.invalid'),
      headers: {},
    })),
    directParts: parts,
    createWriter: tell('createWriter', async () => writer),
    sweepUploads: tell('sweepUploads', async () => 0),
    adopt: tell('adopt', async () =>
      bare.put('key', {
        sizeBytes: 0,
        open: () => {
          throw new Error('unused')
        },
      }),
    ),
    localPath: tell('localPath', () => '/probe'),
    openFile: tell('openFile', async () => undefined),
    readNow: tell('readNow', () => undefined),
    observe: tell('observe', () => () => {}),
  }
}
