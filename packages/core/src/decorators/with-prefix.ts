import { checkObjectKey } from '../bytes/object-key.ts'
import type { ObjectHead, ObjectPage, ObjectStore } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { decorateStore } from './decorate-store.ts'
import { renamedParts } from './over-parts.ts'
import { present } from './present.ts'
import { forwarded, rewritten, withheld } from './rules.ts'

/**
 * The part of a store whose keys begin with `prefix`, as a store of its own: its keys come and go without the prefix.
 * Keys are joined as they are (`a/` and `b` make `a/b`); nothing outside the prefix can be reached.
 * Closing it closes the inner store; staging, journal and identity are the inner ones, since they belong to the volume.
 * @throws MediaError MEDIA_BAD_INPUT for a prefix that is no key, or that leaves no room for keys.
 */
export function withPrefix(inner: ObjectStore, prefix: string): ObjectStore {
  checkObjectKey(inner.name, prefix, inner.traits.maxKeyBytes)
  const maxKeyBytes = inner.traits.maxKeyBytes - Buffer.byteLength(prefix)
  if (maxKeyBytes < 1)
    throw new MediaError('MEDIA_BAD_INPUT', `${inner.name}: the prefix leaves no room for keys`, {
      reason: 'bad-key',
    })

  // Checked here and not only inside: the empty key would become the prefix itself, which is a good key there.
  const full = (key: string): string => {
    checkObjectKey(inner.name, key, maxKeyBytes)
    return prefix + key
  }
  const own = (head: ObjectHead): ObjectHead => ({ ...head, key: head.key.slice(prefix.length) })

  return decorateStore(inner, {
    name: forwarded,
    traits: rewritten({ ...inner.traits, maxKeyBytes }),
    put: rewritten(async (key, source, options) => own(await inner.put(full(key), source, options))),
    get: rewritten(async (key, options) => {
      const reader = await inner.get(full(key), options)
      if (reader === undefined) return undefined
      return {
        head: own(reader.head),
        range: reader.range,
        stream: () => reader.stream(),
        [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
      }
    }),
    head: rewritten(async (key, call) => {
      const head = await inner.head(full(key), call)
      return head === undefined ? undefined : own(head)
    }),
    delete: rewritten(async (key, call) => inner.delete(full(key), call)),
    // A bad key is that key's failure: the inner store says so itself, except for what the prefix would hide.
    deleteMany: rewritten(async (keys, call) => {
      const faults = keys.map((key) => faultOf(() => full(key)))
      const good = keys.filter((_, index) => faults[index] === undefined)
      const results = (
        await inner.deleteMany(
          good.map((key) => prefix + key),
          call,
        )
      )[Symbol.iterator]()
      return keys.map((key, index) => {
        const error = faults[index] ?? results.next().value?.error
        return error === undefined ? { key } : { key, error }
      })
    }),
    list: rewritten(async (options = {}): Promise<ObjectPage> => {
      const page = await inner.list({ ...options, prefix: prefix + (options.prefix ?? '') })
      return { ...page, objects: page.objects.map(own) }
    }),
    close: forwarded,
    open: forwarded,
    identity: forwarded,
    presign: rewritten(async (key, options) => present(inner.presign).call(inner, full(key), options)),
    directParts: rewritten(renamedParts(inner.directParts, full, own)),
    createWriter: rewritten(async (key, call) => {
      const writer = await present(inner.createWriter).call(inner, full(key), call)
      return {
        write: (chunk) => writer.write(chunk),
        commit: async (options) => own(await writer.commit(options)),
        abort: () => writer.abort(),
      }
    }),
    sweepUploads: withheld('it would end uploads of those who use the rest of the store'),
    adopt: rewritten(async (key, filePath, options) =>
      own(await present(inner.adopt).call(inner, full(key), filePath, options)),
    ),
    localPath: rewritten((key) => present(inner.localPath).call(inner, full(key))),
    openFile: rewritten(async (key, call) => present(inner.openFile).call(inner, full(key), call)),
    readNow: rewritten((key, buffer, position) =>
      present(inner.readNow).call(inner, prefix + key, buffer, position),
    ),
    staging: forwarded,
    observe: forwarded,
    journal: forwarded,
    [Symbol.asyncDispose]: forwarded,
  })
}

function faultOf(act: () => unknown): Error | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
