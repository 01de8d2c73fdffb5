import { over, quoted, type StoreMutant, withHeads, without } from './mutant.ts'

/** Heads that tell what is not so. */
export const headMutants: readonly StoreMutant[] = [
  {
    id: 'traits-shrink',
    fault: 'the traits follow the room that is left',
    convictedBy: ['traits.sane'],
    break: (store, _held, volume) => ({
      ...store,
      get traits() {
        return { ...store.traits, maxObjectBytes: store.traits.maxObjectBytes - volume.usedBytes }
      },
    }),
  },
  {
    id: 'open-wipes',
    fault: 'opening removes what an earlier session left, and all else',
    convictedBy: ['open.again'],
    break: (store) =>
      over(store, {
        async open() {
          const page = await store.list()
          await store.deleteMany(page.objects.map((object) => object.key))
        },
      }),
  },
  {
    id: 'list-tells-other-etag',
    fault: 'list() tells another etag than head()',
    convictedBy: ['head.same-everywhere'],
    break: (store) =>
      over(store, {
        async list(options) {
          const page = await store.list(options)
          return { ...page, objects: page.objects.map((head) => ({ ...head, etag: `${head.etag}-1` })) }
        },
      }),
  },
  {
    id: 'list-tells-other-time',
    fault: 'list() tells another time than head()',
    convictedBy: ['head.same-everywhere'],
    break: (store) =>
      over(store, {
        async list(options) {
          const page = await store.list(options)
          const later = (at: Date): Date => new Date(at.getTime() + 1)
          return {
            ...page,
            objects: page.objects.map((head) => ({ ...head, modifiedAt: later(head.modifiedAt) })),
          }
        },
      }),
  },
  {
    id: 'put-tells-other-time',
    fault: 'put() tells when it was answered',
    convictedBy: ['head.put-time'],
    break: (store) =>
      over(store, {
        async put(key, source, options) {
          const head = await store.put(key, source, options)
          return { ...head, modifiedAt: new Date(head.modifiedAt.getTime() + 1) }
        },
      }),
  },
  {
    id: 'prefix-is-found',
    fault: 'a key is found by its beginning',
    convictedBy: ['head.absent', 'get.absent', 'file.absent'],
    break(store) {
      const find = async (key: string): Promise<string> => {
        if ((await store.head(key)) !== undefined) return key
        const page = await store.list({ prefix: key, limit: 1 })
        return page.objects[0]?.key ?? key
      }
      return over(store, {
        head: async (key, call) => store.head(await find(key), call),
        get: async (key, options) => store.get(await find(key), options),
        openFile: async (key, call) => store.openFile?.(await find(key), call),
      })
    },
  },
  {
    id: 'modified-in-seconds',
    fault: 'modifiedAt is made of seconds instead of milliseconds',
    convictedBy: ['head.modified-at'],
    break: (store) =>
      withHeads(store, (head) => ({ ...head, modifiedAt: new Date(head.modifiedAt.getTime() / 1000) })),
  },
  {
    id: 'etag-quoted',
    fault: 'the etag is told with quotes',
    convictedBy: ['etag.form'],
    break: (store) => withHeads(store, (head) => ({ ...head, etag: quoted(head.etag) })),
  },
  {
    id: 'etag-of-size',
    fault: 'the etag is made of the size',
    convictedBy: ['etag.new-bytes', 'etag.same-bytes', 'etag.after-delete'],
    break: (store) => withHeads(store, (head) => ({ ...head, etag: `s${head.sizeBytes}` })),
  },
  {
    id: 'etag-per-answer',
    fault: 'each answer tells a new etag',
    convictedBy: ['etag.stable', 'when.match.right', 'adopt.takes-over'],
    local: true,
    break(store) {
      let answers = 0
      const fresh = withHeads(store, (head) => ({ ...head, etag: `${head.etag}-${answers++}` }))
      return over(fresh, {
        adopt: async (key, path, options) => ({
          ...(await (store.adopt?.(key, path, options) ?? Promise.reject(new Error('no adopt')))),
          etag: `a${answers++}`,
        }),
      })
    },
  },
  {
    id: 'drops-content-type',
    fault: 'the content type is not stored',
    convictedBy: ['metadata.round-trip'],
    break: (store) =>
      over(store, { put: (key, source, options) => store.put(key, source, without(options, 'contentType')) }),
  },
  {
    id: 'metadata-as-latin1',
    fault: 'metadata goes through a header without being encoded',
    convictedBy: ['metadata.unicode'],
    break: (store) =>
      withHeads(store, (head) => {
        if (head.metadata === undefined) return head
        const mangled: Record<string, string> = {}
        for (const [name, value] of Object.entries(head.metadata))
          mangled[name] = Buffer.from(value, 'latin1').toString('latin1')
        return { ...head, metadata: mangled }
      }),
  },
  {
    id: 'merges-metadata',
    fault: 'metadata of the object replaced stays',
    convictedBy: ['metadata.replaced'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const old = await store.head(key)
          return store.put(key, source, { ...options, metadata: { ...old?.metadata, ...options?.metadata } })
        },
      }),
  },
  {
    id: 'keeps-metadata-object',
    fault: 'the metadata object of the caller is kept instead of a copy',
    convictedBy: ['metadata.snapshot'],
    break(store) {
      const kept = new Map<string, Readonly<Record<string, string>>>()
      const keeping = over(store, {
        put: async (key, source, options) => {
          if (options?.metadata !== undefined) kept.set(key, options.metadata)
          return store.put(key, source, options)
        },
      })
      return withHeads(keeping, (head) => {
        const metadata = kept.get(head.key)
        return metadata === undefined ? head : { ...head, metadata }
      })
    },
  },
]
