import type { ObjectStore, StoreTraits } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { type DecoratorTable, type MemberRule, OBJECT_STORE_MEMBERS } from './rules.ts'

const tables = new WeakMap<ObjectStore, DecoratorTable>()

/** The table a store was decorated with; `undefined` for a store that is no decorator. */
export function decoratorTableOf(store: ObjectStore): DecoratorTable | undefined {
  return tables.get(store)
}

/**
 * The inner store seen through a table.
 * @throws MediaError MEDIA_BAD_INPUT when a row is absent, which only untyped callers can reach.
 */
export function decorateStore(inner: ObjectStore, table: DecoratorTable): ObjectStore {
  for (const member of OBJECT_STORE_MEMBERS) {
    if (table[member] !== undefined) continue
    throw new MediaError('MEDIA_BAD_INPUT', `${inner.name}: the decorator has no row for ${String(member)}`, {
      reason: 'no-row',
    })
  }
  const store: ObjectStore = {
    get name() {
      return table.name.rule === 'rewritten' ? table.name.as : inner.name
    },
    get traits() {
      return ofWrapped(table.traits.rule === 'rewritten' ? table.traits.as : inner.traits)
    },
    put: seen(table.put, (key, source, options) => inner.put(key, source, options)),
    get: seen(table.get, (key, options) => inner.get(key, options)),
    head: seen(table.head, (key, call) => inner.head(key, call)),
    delete: seen(table.delete, (key, call) => inner.delete(key, call)),
    deleteMany: seen(table.deleteMany, (keys, call) => inner.deleteMany(keys, call)),
    list: seen(table.list, (options) => inner.list(options)),
    close: seen(table.close, () => inner.close()),
    [Symbol.asyncDispose]: seen(table[Symbol.asyncDispose], () => inner[Symbol.asyncDispose]()),
    ...optional('open', table.open, inner.open && (() => reach(inner, inner.open)())),
    ...optional('identity', table.identity, inner.identity && (() => reach(inner, inner.identity)())),
    ...optional(
      'presign',
      table.presign,
      inner.presign && ((key, options) => reach(inner, inner.presign)(key, options)),
    ),
    ...optional('directParts', table.directParts, inner.directParts),
    ...optional(
      'createWriter',
      table.createWriter,
      inner.createWriter && ((key, call) => reach(inner, inner.createWriter)(key, call)),
    ),
    ...optional(
      'sweepUploads',
      table.sweepUploads,
      inner.sweepUploads && ((options) => reach(inner, inner.sweepUploads)(options)),
    ),
    ...optional(
      'adopt',
      table.adopt,
      inner.adopt && ((key, filePath, options) => reach(inner, inner.adopt)(key, filePath, options)),
    ),
    ...optional(
      'localPath',
      table.localPath,
      inner.localPath && ((key) => reach(inner, inner.localPath)(key)),
    ),
    ...optional(
      'openFile',
      table.openFile,
      inner.openFile && ((key, call) => reach(inner, inner.openFile)(key, call)),
    ),
    ...optional(
      'readNow',
      table.readNow,
      inner.readNow && ((key, buffer, position) => reach(inner, inner.readNow)(key, buffer, position)),
    ),
    ...optional(
      'observe',
      table.observe,
      inner.observe && ((listener) => reach(inner, inner.observe)(listener)),
    ),
    ...optional('staging', table.staging, inner.staging),
    ...optional('journal', table.journal, inner.journal),
  }
  tables.set(store, table)
  return store
}

function seen<Member>(rule: MemberRule<Member>, forward: Member): Member {
  return rule.rule === 'rewritten' ? rule.as : forward
}

type OptionalMember =
  | 'open'
  | 'identity'
  | 'presign'
  | 'directParts'
  | 'createWriter'
  | 'sweepUploads'
  | 'adopt'
  | 'localPath'
  | 'openFile'
  | 'readNow'
  | 'observe'
  | 'staging'
  | 'journal'

/** Nothing when the inner store lacks the member and the table adds none: present is the capability. */
function optional<Key extends OptionalMember>(
  key: Key,
  rule: MemberRule<ObjectStore[Key]>,
  forward: ObjectStore[Key],
): Partial<Pick<ObjectStore, Key>> {
  if (rule.rule === 'withheld' || (forward === undefined && rule.rule !== 'added')) return {}
  const shown: Partial<Pick<ObjectStore, Key>> = {}
  shown[key] = rule.rule === 'forwarded' ? forward : rule.as
  return shown
}

/** The member bound to its store: an inner store may be a class instance. */
function reach<Args extends readonly unknown[], Result>(
  inner: ObjectStore,
  member: ((...args: Args) => Result) | undefined,
): (...args: Args) => Result {
  if (member === undefined) throw new MediaError('MEDIA_UNSUPPORTED', `${inner.name}: the member is gone`)
  return member.bind(inner)
}

/** A call that a decorator gave up, or made again, may still be reading. */
function ofWrapped(traits: StoreTraits): StoreTraits {
  if (traits.keepsNoSource === undefined) return traits
  const { keepsNoSource: _, ...rest } = traits
  return rest
}
