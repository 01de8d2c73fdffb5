import type { KnownExternal } from '../contracts/catalog.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import type { HintOutcome } from '../contracts/tiering.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { createKeyedLock } from '../time/keyed-lock.ts'
import type { ExternalContext } from './context.ts'
import { type Mapping, mediaOf } from './mapping.ts'
import { forget, register } from './register.ts'

/** Looks at one object and brings what is known of it in step. One look at a time for each object. */
export type Look = (mapping: Mapping, key: string, signal: AbortSignal | undefined) => Promise<HintOutcome>

/** An object that changes more often while it is looked at is looked at again when it is hinted at again. */
const MAX_LOOKS = 8

/**
 * What the store answers counts, never what a hint or a listing said before. Another process may be looking at the same object
 * and record an older answer after us, or we after it: so whoever changed something asks once more, until the
 * answer is the one that was recorded. Whichever is last has then recorded what is there.
 */
export function createLook(context: ExternalContext): Look {
  const lock = createKeyedLock()
  return (mapping, key, signal) =>
    lock.run(`${mapping.volume.id} ${key}`, async () => {
      let outcome: HintOutcome = 'unchanged'
      for (let looks = 0; looks < MAX_LOOKS; looks++) {
        signal?.throwIfAborted()
        const now = await lookOnce(context, mapping, key, signal)
        if (now !== 'registered' && now !== 'replaced' && now !== 'forgotten')
          return outcome === 'unchanged' ? now : outcome
        outcome = now
      }
      throw new MediaError('MEDIA_BUSY', `the object ${key} changes all the time`, {
        reason: 'object-changed',
      })
    })
}

async function lookOnce(
  context: ExternalContext,
  mapping: Mapping,
  key: string,
  signal: AbortSignal | undefined,
): Promise<HintOutcome> {
  const { volume } = mapping
  // Before the store is asked: what is registered later than its answer is not for us to forget.
  const known = await knownAt(context, volume.id, key)
  const head = await headOf(mapping, key, signal)
  if (head === 'bad-key') return 'refused'
  if (head !== undefined) {
    if (known !== undefined && known.etag === head.etag && known.sizeBytes === head.sizeBytes)
      return 'unchanged'
    const object = mediaOf(mapping, head, context.clock.now())
    if (object === undefined) return 'refused'
    const [outcome = 'unchanged'] = await register(context, mapping, [object])
    return outcome
  }
  if (known === undefined) return 'unchanged'
  // Absent, says the store. Only a volume that is there may say so.
  volume.doubt()
  await volume.checkOnline()
  return (await forget(context, mapping, known)) ? 'forgotten' : 'unchanged'
}

async function knownAt(
  { catalog }: ExternalContext,
  volumeId: string,
  key: string,
): Promise<KnownExternal | undefined> {
  const { objects } = await catalog.listExternal(volumeId, { from: key, limit: 1 })
  return objects.find((one) => one.key === key)
}

/** `bad-key`: its store has no objects of such a name, as of a marker of the folder that the tier lies in. */
async function headOf(
  { volume }: Mapping,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ObjectHead | 'bad-key' | undefined> {
  try {
    return await volume.store.head(key, {
      context: { cause: 'reconcile' },
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (error) {
    if (isMediaError(error, 'MEDIA_BAD_INPUT') && error.reason === 'bad-key') return 'bad-key'
    throw error
  }
}
