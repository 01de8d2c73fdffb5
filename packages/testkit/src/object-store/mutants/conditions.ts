import { isMediaError, MediaError } from '@mediakeep/core'
import { over, quoted, type StoreMutant, without } from './mutant.ts'

/** Conditions that do not condition. */
export const conditionMutants: readonly StoreMutant[] = [
  {
    id: 'ignores-conditions',
    fault: 'when is not looked at',
    convictedBy: ['when.absent.taken', 'when.match.stale', 'when.match.absent'],
    break: (store) =>
      over(store, { put: (key, source, options) => store.put(key, source, without(options, 'when')) }),
  },
  {
    id: 'checks-then-writes',
    fault: 'the condition is checked before the body comes, not when it is stored',
    convictedBy: [
      'when.absent.race',
      'when.absent.race-of-two-stores',
      'when.absent.slow-loser',
      'when.match.race',
      'when.match.slow-loser',
    ],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const found = await store.head(key, options)
          const { when } = options ?? {}
          const ok =
            when === undefined || (when.type === 'absent' ? found === undefined : found?.etag === when.etag)
          if (!ok) throw new MediaError('MEDIA_PRECONDITION', 'checked early')
          return store.put(key, source, without(options, 'when'))
        },
      }),
  },
  {
    id: 'empty-is-absent',
    fault: 'an empty object counts as absent for conditions',
    convictedBy: ['when.absent.empty-object'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          const found = await store.head(key, options)
          return store.put(key, source, found?.sizeBytes === 0 ? without(options, 'when') : options)
        },
      }),
  },
  {
    id: 'tombstones',
    fault: 'a key that was deleted is never free again',
    convictedBy: ['when.absent.free', 'delete.then-put'],
    break(store) {
      const dead = new Set<string>()
      return over(store, {
        delete: async (key, call) => {
          await store.delete(key, call)
          dead.add(key)
        },
        put: async (key, source, options) => {
          if (dead.has(key)) throw new MediaError('MEDIA_PRECONDITION', 'there was one')
          return store.put(key, source, options)
        },
      })
    },
  },
  {
    id: 'match-with-quotes',
    fault: 'the etag of the condition is compared with quotes around it',
    convictedBy: ['when.match.right'],
    break: (store) =>
      over(store, {
        put: (key, source, options) =>
          store.put(
            key,
            source,
            options?.when?.type === 'match'
              ? { ...options, when: { type: 'match', etag: quoted(options.when.etag) } }
              : options,
          ),
      }),
  },
  {
    id: 'loser-succeeds',
    fault: 'losing a race is told as a success',
    convictedBy: ['when.absent.race', 'when.absent.taken', 'when.match.race'],
    break: (store) =>
      over(store, {
        put: async (key, source, options) => {
          try {
            return await store.put(key, source, options)
          } catch (error) {
            const found = await store.head(key)
            if (isMediaError(error, 'MEDIA_PRECONDITION') && found !== undefined) return found
            throw error
          }
        },
      }),
  },
]
