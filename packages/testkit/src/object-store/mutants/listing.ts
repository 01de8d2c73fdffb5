import { isMediaError, MediaError, type ObjectHead, type ObjectStore } from '@mediakeep/core'
import { over, type StoreMutant, sourceOf } from './mutant.ts'

/** Deletes that take too much or too little. */
export const deleteMutants: readonly StoreMutant[] = [
  {
    id: 'deletes-nothing',
    fault: 'delete() answers and keeps the object',
    convictedBy: ['delete.removes', 'list.fresh'],
    break: (store) => over(store, { delete: async (key, call) => void (await store.head(key, call)) }),
  },
  {
    id: 'delete-of-absent-throws',
    fault: 'delete() of what is absent fails',
    convictedBy: ['delete.idempotent'],
    break: (store) =>
      over(store, {
        async delete(key, call) {
          if ((await store.head(key, call)) === undefined)
            throw new MediaError('MEDIA_ABSENT', 'nothing to delete')
          await store.delete(key, call)
        },
      }),
  },
  {
    id: 'deletes-by-prefix',
    fault: 'delete() takes all keys that begin so',
    convictedBy: ['delete.only-that'],
    break: (store) =>
      over(store, {
        async delete(key, call) {
          await store.delete(key, call)
          const page = await store.list({ prefix: key })
          await store.deleteMany(page.objects.map((object) => object.key))
        },
      }),
  },
  {
    id: 'delete-many-unique',
    fault: 'deleteMany() answers once per different key, in order of keys',
    convictedBy: ['delete-many.in-order'],
    break: (store) =>
      over(store, { deleteMany: (keys, call) => store.deleteMany([...new Set(keys)].sort(), call) }),
  },
  {
    id: 'delete-none-is-all',
    fault: 'deleteMany() of no keys deletes all',
    convictedBy: ['delete-many.none'],
    break: (store) =>
      over(store, {
        async deleteMany(keys, call) {
          if (keys.length > 0) return store.deleteMany(keys, call)
          const page = await store.list()
          return store.deleteMany(page.objects.map((object) => object.key))
        },
      }),
  },
  {
    id: 'delete-many-stops',
    fault: 'deleteMany() fails as a whole at the first bad key',
    convictedBy: ['delete-many.bad-key'],
    break: (store) =>
      over(store, {
        async deleteMany(keys, call) {
          for (const key of keys) await store.delete(key, call)
          return store.deleteMany(keys, call)
        },
      }),
  },
  {
    id: 'delete-many-first-thousand',
    fault: 'deleteMany() drops the keys after the thousandth',
    convictedBy: ['delete-many.over-a-thousand'],
    break: (store) =>
      over(store, { deleteMany: (keys, call) => store.deleteMany(keys.slice(0, 1000), call) }),
  },
]

async function allHeads(store: ObjectStore, prefix = ''): Promise<readonly ObjectHead[]> {
  const heads: ObjectHead[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await store.list(cursor === undefined ? { prefix } : { prefix, cursor })
    heads.push(...page.objects)
    cursor = page.cursor
    if (cursor === undefined) return heads
  }
}

/** A list made anew from all heads in an order, with the offset as cursor. */
function listBy(
  store: ObjectStore,
  arrange: (heads: readonly ObjectHead[]) => readonly ObjectHead[],
): ObjectStore {
  return over(store, {
    async list(options = {}) {
      const { prefix, limit = 1000, cursor = '0', ...call } = options
      await store.list({ ...call, limit })
      const heads = arrange(await allHeads(store, prefix))
      const from = Number(cursor)
      if (!Number.isInteger(from) || cursor === '') throw new MediaError('MEDIA_BAD_INPUT', 'cursor')
      const objects = heads.slice(from, from + limit)
      return from + limit < heads.length ? { objects, cursor: String(from + limit) } : { objects }
    },
  })
}

/** Lists that skip, repeat or forget. */
export const listMutants: readonly StoreMutant[] = [
  {
    id: 'cursor-always',
    fault: 'a cursor comes also when there is no more',
    convictedBy: ['list.empty', 'list.limit.cursor'],
    break: (store) =>
      over(store, {
        async list(options = {}) {
          if (options.cursor === 'end') return { objects: [] }
          const page = await store.list(options)
          return { cursor: 'end', ...page }
        },
      }),
  },
  {
    id: 'one-page',
    fault: 'only the first page is ever given',
    convictedBy: [
      'list.over-a-thousand',
      'list.limit',
      'list.limit.cursor',
      'list.prefix.pages',
      'list.stable.order',
    ],
    break: (store) =>
      over(store, { list: async (options) => ({ objects: (await store.list(options)).objects }) }),
  },
  {
    id: 'siblings-fill-pages',
    fault: 'what sorts before a folder and begins by its name counts towards a page inside the folder',
    convictedBy: ['list.folder-siblings'],
    break: (store) =>
      over(store, {
        async list(options = {}) {
          const page = await store.list(options)
          const folder =
            options.cursor === undefined ? undefined : /^.+(?=\/)/.exec(page.objects[0]?.key ?? '')?.[0]
          if (folder === undefined) return page
          const before = await store.list({ prefix: folder })
          const siblings = before.objects.filter(({ key }) => key < `${folder}/`).length
          const left = page.objects.slice(0, Math.max(0, (options.limit ?? 1_000) - siblings))
          return left.length < page.objects.length ? { objects: left } : page
        },
      }),
  },
  {
    id: 'limit-ignored',
    fault: 'the limit is not looked at',
    convictedBy: ['list.limit', 'list.limit.bad'],
    break: (store) =>
      over(store, {
        list(options = {}) {
          const { limit: _limit, ...rest } = options
          return store.list(rest)
        },
      }),
  },
  {
    id: 'cursor-restarts',
    fault: 'a cursor that is not understood begins at the first page',
    convictedBy: ['list.cursor.garbage'],
    break: (store) =>
      over(store, {
        async list(options = {}) {
          try {
            return await store.list(options)
          } catch (error) {
            if (!isMediaError(error, 'MEDIA_BAD_INPUT') || options.cursor === undefined) throw error
            const { cursor: _cursor, ...rest } = options
            return store.list(rest)
          }
        },
      }),
  },
  {
    id: 'cursor-in-process',
    fault: 'cursors are remembered by the store that gave them',
    convictedBy: ['list.cursor.other-store'],
    break(store) {
      const cursors = new Map<string, string>()
      return over(store, {
        async list(options = {}) {
          const inner = options.cursor === undefined ? undefined : cursors.get(options.cursor)
          if (options.cursor !== undefined && inner === undefined)
            throw new MediaError('MEDIA_BAD_INPUT', 'cursor')
          const page = await store.list(inner === undefined ? options : { ...options, cursor: inner })
          if (page.cursor === undefined) return page
          const own = `c${cursors.size}`
          cursors.set(own, page.cursor)
          return { ...page, cursor: own }
        },
      })
    },
  },
  {
    id: 'cursor-is-offset',
    fault: 'the cursor counts objects, so that deletes and inserts shift the pages',
    convictedBy: ['list.stable.insert', 'list.stable.delete'],
    break: (store) => listBy(store, (heads) => heads),
  },
  {
    id: 'order-changes',
    fault: 'each call lists in another order',
    convictedBy: ['list.stable.order', 'list.order.key'],
    break(store) {
      let calls = 0
      return listBy(store, (heads) => (calls++ % 2 === 0 ? heads : [...heads].reverse()))
    },
  },
  {
    id: 'order-of-utf16',
    fault: 'keys are sorted as JavaScript strings',
    convictedBy: ['list.order.key'],
    break: (store) => listBy(store, (heads) => [...heads].sort((a, b) => (a.key < b.key ? -1 : 1))),
  },
  {
    id: 'prefix-without-slash',
    fault: 'the slash at the end of a prefix is dropped',
    convictedBy: ['list.prefix.sibling', 'list.prefix.none', 'list.prefix.pages'],
    break: (store) =>
      over(store, {
        list: (options = {}) =>
          store.list(
            options.prefix === undefined
              ? options
              : { ...options, prefix: options.prefix.replace(/\/$/, '') },
          ),
      }),
  },
  {
    id: 'prefix-is-folder',
    fault: 'a prefix is taken for a folder',
    convictedBy: ['list.prefix.part'],
    break: (store) =>
      over(store, {
        list: (options = {}) =>
          store.list(
            options.prefix === undefined || options.prefix === '' || options.prefix.endsWith('/')
              ? options
              : { ...options, prefix: `${options.prefix}/` },
          ),
      }),
  },
  {
    id: 'unknown-prefix-is-all',
    fault: 'a prefix that no key has lists all',
    convictedBy: ['list.prefix.none'],
    break: (store) =>
      over(store, {
        async list(options = {}) {
          const page = await store.list(options)
          if (page.objects.length > 0 || options.prefix === undefined) return page
          const { prefix: _prefix, ...rest } = options
          return store.list(rest)
        },
      }),
  },
  {
    id: 'prefix-as-pattern',
    fault: 'the prefix is a pattern: % and * stand for anything, _ and ? for one character',
    convictedBy: ['list.prefix.literal'],
    break: (store) =>
      over(store, {
        async list(options = {}) {
          if (options.prefix === undefined) return store.list(options)
          const source = options.prefix
            .replace(/[.[\](){}+^$|\\]/g, '\\$&')
            .replace(/[%*]/g, '.*')
            .replace(/[_?]/g, '.')
          const pattern = new RegExp(`^${source}`, 's')
          return { objects: (await allHeads(store)).filter((head) => pattern.test(head.key)) }
        },
      }),
  },
  {
    id: 'list-cached',
    fault: 'a list is told again for the same question',
    convictedBy: ['list.fresh'],
    break(store) {
      const pages = new Map<string, ReturnType<ObjectStore['list']>>()
      return over(store, {
        list(options = {}) {
          const question = JSON.stringify([options.prefix, options.cursor, options.limit])
          const page = pages.get(question) ?? store.list(options)
          pages.set(question, page)
          return page
        },
      })
    },
  },
  {
    id: 'delete-leaves-ghost',
    fault: 'deleteMany() answers success and leaves what it deleted as an empty object',
    convictedBy: ['delete-many.in-order', 'delete-many.over-a-thousand'],
    break: (store) =>
      over(store, {
        async deleteMany(keys, call) {
          const results = await store.deleteMany(keys, call)
          const [first] = results
          if (first !== undefined && first.error === undefined)
            await store.put(first.key, sourceOf(new Uint8Array(0)))
          return results
        },
      }),
  },
]
