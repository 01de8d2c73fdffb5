import { MediaError } from '../errors/media-error.ts'
import { createDuels } from './duels.ts'
import { createFrequencySketch, hashOf } from './frequency-sketch.ts'
import type { AdmitDecision, EvictionPolicy } from './policy.ts'
import { createResidents } from './residents.ts'
import type { ValueRule } from './setting.ts'
import { createValueQueue } from './value-queue.ts'

/*
 * The objects that one room of limited bytes keeps, by one rule.
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

/** Frequency of what was asked for once, beside 2 and more. */
const NEW_FREQUENCY = 0.12
/** Counters of frequency are halved once in so many requests for each resident object. */
const REQUESTS_PER_HALF_LIFE = 16
const MIN_COUNT_FOR_HALF_LIFE = 64
/** Who is asked for first says nothing of a pair in which the new one displaces many. */
const MAX_DUEL_SIZE_RATIO = 4

const REFUSED: AdmitDecision = { admit: false, victims: [] }
const ADMITTED: AdmitDecision = { admit: true, victims: [] }

/** About so many of the last values make the mean that everything gets while only recency counts. */
const MEAN_OF = 1_000

export interface RoomOptions {
  readonly capacityBytes: number
  readonly rule: ValueRule
  readonly maxMemoryBytes: number
  readonly seed: number
}

/** The objects in one room, by one rule. */
export interface Room extends EvictionPolicy {
  /** While it is true everything is worth the same and comes in, as with `lru`; frequencies go on being counted. */
  byRecency: boolean
  sizeOf(id: string): number | undefined
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-size` */
export function createRoom({ capacityBytes, rule, maxMemoryBytes, seed }: RoomOptions): Room {
  checkBytes(capacityBytes, 'capacityBytes')
  const sketch = createFrequencySketch(maxMemoryBytes)
  const queue = createValueQueue()
  const residents = createResidents(queue.growTo)
  const duels = createDuels()

  let byRecency = false
  let meanLogValue = 0

  const logValue = (count: number, sizeBytes: number): number => {
    if (!rule.usesFrequency) return 0
    if (byRecency) return meanLogValue
    const value = Math.log(count <= 1 ? NEW_FREQUENCY : count) + rule.logWorth(sizeBytes)
    meanLogValue += (value - meanLogValue) / MEAN_OF
    return value
  }

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
      if (!rule.usesFrequency || byRecency) return false
      if (queue.creditOf(slot) > credit) return true
      const ratio = Math.max(1, sizeBytes) / Math.max(1, residents.sizeOf(slot))
      if (ratio > MAX_DUEL_SIZE_RATIO || ratio < 1 / MAX_DUEL_SIZE_RATIO) return false
      const residentCount = sketch.estimate(residents.hashAt(slot))
      // Not asked for in several half-lives, unlike the other: nothing that was learned of duels speaks for it.
      if (residentCount === 0 && count > 1) return false
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
    sizeOf(id) {
      const slot = residents.slotOf(id)
      return slot === undefined ? undefined : residents.sizeOf(slot)
    },
    get byRecency() {
      return byRecency
    },
    set byRecency(only) {
      byRecency = only
    },
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
