import { EVICTION_MEMORY_BYTES } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { createDuels } from './duels.ts'
import { createFrequencySketch, hashOf } from './frequency-sketch.ts'
import { createResidents } from './residents.ts'
import { type EvictionSetting, valueRule } from './setting.ts'
import { createValueQueue } from './value-queue.ts'

/*
 * Which objects a room of limited bytes keeps.
 *
 * Value. A byte of room is worth the frequency of the object that it holds, times what a miss of that object costs for
 * each of its bytes (setting.ts). GreedyDual turns that into an order (value-queue.ts): what is used gets the present
 * level plus its value, the lowest leaves, and its credit is the new level. So worth fades without a clock, as fast as
 * the room turns over.
 *
 * Frequency comes from a sketch of all requests, also of those for what is not here (frequency-sketch.ts): an object
 * that left, or never came in, returns with the value it has. What was asked for once has an eighth of a value, so that a
 * scan and all that nobody asks for twice pass through a small part of the room.
 *
 * Admission. An object comes in when nothing that must leave for it has more credit than it would get: one huge object
 * would have to outrank all that it displaces. GreedyDual alone then always prefers the new to the old, which is wrong
 * for loops longer than the room, and no fixed rule is right for loops and for news. Duels (duels.ts) tell which of the
 * two it is at present; where residents win them, they stay.
 */

export interface EvictionOptions {
  /** Room for resident bytes. */
  readonly capacityBytes: number
  /** Default `balanced`. */
  readonly setting?: EvictionSetting
  /** Most memory for remembering frequencies. Default 8 MiB: enough for 250,000 residents; beyond, it errs more often. */
  readonly maxMemoryBytes?: number
  /** Changes which ids share counters, for hosts whose ids are chosen by others. Default 0. */
  readonly seed?: number
}

/** Whether an object is to come in, and what has to leave for it first. */
export interface AdmitDecision {
  readonly admit: boolean
  /** Cheapest to lose first; empty when the object is not to come in. */
  readonly victims: readonly string[]
}

/**
 * What is resident in a room of limited bytes, and what should leave it. No I/O and no clock: the same calls give the
 * same answers. A call takes the same time whatever is resident, but for the victims that it names or passes over.
 *
 * About 125 bytes for each resident object beside its id, of which 32 to 64 remember frequencies, and 300 KiB at most
 * for duels.
 */
export interface EvictionPolicy {
  /** A request for an object, resident or not; true when it is resident. */
  access(id: string): boolean
  /**
   * Whether the room is better used by this object than by those that would have to leave for it. The caller then
   * removes the victims and inserts it. What is larger than the room is never to come in. A refusal makes residents
   * older, so ask once for each time that the object could come in.
   * @param mayLeave false for objects that cannot leave now, which are passed over
   * @throws MediaError MEDIA_BAD_INPUT `bad-size`
   */
  admit(id: string, sizeBytes: number, mayLeave?: (id: string) => boolean): AdmitDecision
  /**
   * Says that the object is resident, from now on with this size. A fact, not a question: it holds beyond the capacity.
   * @throws MediaError MEDIA_BAD_INPUT `bad-size`
   */
  insert(id: string, sizeBytes: number): void
  /** Says that the object is gone; false when it was not resident. */
  remove(id: string): boolean
  /**
   * Residents of at least so many bytes together, cheapest to lose first; all that may leave when they have fewer.
   * @param mayLeave as for `admit`
   */
  victims(bytesWanted: number, mayLeave?: (id: string) => boolean): readonly string[]
  has(id: string): boolean
  readonly capacityBytes: number
  readonly residentBytes: number
  readonly residentCount: number
}

/** Frequency of what was asked for once, beside 2 and more. */
const NEW_FREQUENCY = 0.12
/** Counters of frequency are halved once in so many requests for each resident object. */
const REQUESTS_PER_HALF_LIFE = 16
const MIN_COUNT_FOR_HALF_LIFE = 64
/** Who is asked for first says nothing of a pair in which the new one displaces many. */
const MAX_DUEL_SIZE_RATIO = 4

const REFUSED: AdmitDecision = { admit: false, victims: [] }
const ADMITTED: AdmitDecision = { admit: true, victims: [] }

/**
 * Creates an empty policy.
 * @throws MediaError MEDIA_BAD_INPUT `bad-size`, `bad-eviction-setting`
 */
export function createEvictionPolicy({
  capacityBytes,
  setting = 'balanced',
  maxMemoryBytes = EVICTION_MEMORY_BYTES,
  seed = 0,
}: EvictionOptions): EvictionPolicy {
  checkBytes(capacityBytes, 'capacityBytes')
  const rule = valueRule(setting)
  const sketch = createFrequencySketch(maxMemoryBytes)
  const queue = createValueQueue()
  const residents = createResidents(queue.growTo)
  const duels = createDuels()

  const logValue = (count: number, sizeBytes: number): number =>
    rule.usesFrequency ? Math.log(count <= 1 ? NEW_FREQUENCY : count) + rule.logWorth(sizeBytes) : 0

  /** Takes the cheapest out of the queue until they have so many bytes, or `refuses` one of them; puts all back. */
  const findVictims = (
    bytesWanted: number,
    mayLeave: ((id: string) => boolean) | undefined,
    refuses: (slot: number) => boolean,
  ): { victims: string[]; foundBytes: number } => {
    const taken: number[] = []
    const victims: string[] = []
    let foundBytes = 0
    while (foundBytes < bytesWanted) {
      const slot = queue.first()
      if (slot === -1) break
      const id = residents.idOf(slot)
      if (mayLeave?.(id) !== false) {
        if (refuses(slot)) break
        victims.push(id)
        foundBytes += residents.sizeOf(slot)
      }
      queue.remove(slot)
      taken.push(slot)
    }
    for (const slot of taken.reverse()) queue.restore(slot)
    return { victims, foundBytes }
  }

  const admit = (id: string, sizeBytes: number, mayLeave?: (id: string) => boolean): AdmitDecision => {
    checkBytes(sizeBytes, 'sizeBytes')
    const hash = hashOf(id, seed)
    if (sizeBytes > capacityBytes) return REFUSED
    const own = residents.slotOf(id)
    const ownBytes = own === undefined ? 0 : residents.sizeOf(own)
    const bytesWanted = residents.bytes - ownBytes + sizeBytes - capacityBytes
    if (bytesWanted <= 0) return ADMITTED
    const count = sketch.estimate(hash)
    const credit = queue.creditFor(logValue(count, sizeBytes))
    let isOffered = false
    const stays = (slot: number): boolean => {
      if (!rule.usesFrequency) return false
      if (queue.creditOf(slot) > credit) return true
      const ratio = Math.max(1, sizeBytes) / Math.max(1, residents.sizeOf(slot))
      if (ratio > MAX_DUEL_SIZE_RATIO || ratio < 1 / MAX_DUEL_SIZE_RATIO) return false
      const residentCount = sketch.estimate(residents.hashAt(slot))
      if (!isOffered) {
        const pair = { candidate: id, resident: residents.idOf(slot), candidateCount: count, residentCount }
        duels.offer(pair, residents.count)
      }
      isOffered = true
      return duels.favoursResident(count, residentCount)
    }
    const mayGo = own === undefined ? mayLeave : (one: string) => one !== id && mayLeave?.(one) !== false
    const { victims, foundBytes } = findVictims(bytesWanted, mayGo, stays)
    if (foundBytes >= bytesWanted) return { admit: true, victims }
    // As if it had come in and left again at once.
    const cheapest = queue.first()
    if (cheapest !== -1) queue.raise(Math.min(credit, queue.creditOf(cheapest)))
    return REFUSED
  }

  const drop = (slot: number): void => {
    queue.remove(slot)
    residents.remove(slot)
  }

  return {
    access(id) {
      const hash = hashOf(id, seed)
      const slot = residents.slotOf(id)
      let count = 1
      if (rule.usesFrequency) {
        count = sketch.count(hash)
        sketch.age(1 / (REQUESTS_PER_HALF_LIFE * Math.max(MIN_COUNT_FOR_HALF_LIFE, residents.count)))
        duels.settle(id)
      }
      if (slot === undefined) return false
      queue.remove(slot)
      // It is here, so it was asked for before, whatever the sketch forgot.
      queue.add(slot, logValue(Math.max(2, count), residents.sizeOf(slot)))
      return true
    },
    admit,
    insert(id, sizeBytes) {
      checkBytes(sizeBytes, 'sizeBytes')
      const old = residents.slotOf(id)
      if (old !== undefined) drop(old)
      const hash = hashOf(id, seed)
      const slot = residents.add(id, hash, sizeBytes)
      sketch.growFor(residents.count)
      queue.add(slot, logValue(sketch.estimate(hash), sizeBytes))
    },
    remove(id) {
      const slot = residents.slotOf(id)
      if (slot === undefined) return false
      queue.raise(Math.min(queue.creditOf(slot), queue.creditOf(queue.first())))
      drop(slot)
      return true
    },
    victims: (bytesWanted, mayLeave) => findVictims(bytesWanted, mayLeave, () => false).victims,
    has: (id) => residents.slotOf(id) !== undefined,
    capacityBytes,
    get residentBytes() {
      return residents.bytes
    },
    get residentCount() {
      return residents.count
    },
  }
}

function checkBytes(bytes: number, name: string): void {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return
  throw new MediaError('MEDIA_BAD_INPUT', `eviction: ${name} ${bytes} is not a whole number of bytes`, {
    reason: 'bad-size',
  })
}
