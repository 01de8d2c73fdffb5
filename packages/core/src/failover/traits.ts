import type { Durability, ObjectStore, StoreTraits } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'

const WEAKEST_FIRST: readonly Durability[] = ['none', 'file', 'durable']

/**
 * What holds whichever member takes an object: the smallest limits, the weakest promises, the dearest costs.
 * @throws MediaError MEDIA_BAD_INPUT `bad-members`
 */
export function combinedTraits(name: string, stores: readonly ObjectStore[]): StoreTraits {
  const refuse = (why: string): MediaError =>
    new MediaError('MEDIA_BAD_INPUT', `${name}: ${why}`, { reason: 'bad-members' })
  if (stores.length === 0) throw refuse('it has no members')
  if (new Set(stores.map((store) => store.name)).size < stores.length)
    throw refuse('two members have one name, so that nobody could say where an object is')
  const all = stores.map((store) => store.traits)
  return {
    maxObjectBytes: Math.min(...all.map((one) => one.maxObjectBytes)),
    maxKeyBytes: Math.min(...all.map((one) => one.maxKeyBytes)),
    minPartBytes: Math.max(...all.map((one) => one.minPartBytes)),
    paid: all.some((one) => one.paid),
    shared: all.every((one) => one.shared),
    durability: WEAKEST_FIRST.find((one) => all.some(({ durability }) => durability === one)) ?? 'none',
    conditionalPut: all.every((one) => one.conditionalPut === 'enforced') ? 'enforced' : 'ignored',
    retries: all.some((one) => one.retries),
    listOrder: all.every((one) => one.listOrder === 'key') ? 'key' : 'none',
  }
}
