import { EVICTION_MEMORY_BYTES } from '../defaults.ts'
import { createRoom } from './room.ts'
import { type EvictionSetting, valueRule } from './setting.ts'
import { createShadows } from './shadows.ts'

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
 * for duels; 4 to 6 MiB at most for shadows.
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

/**
 * Creates an empty policy. A setting that weighs requests and bytes is not to fall behind `lru`, so beside its room (room.ts)
 * two shadows are played (shadows.ts): where recency alone has of late lost less than frequency and size, as with news, it is recency that
 * decides, until the other is better again. Who asks for `requests` or `bytes` gets them whatever it costs the other.
 * @throws MediaError MEDIA_BAD_INPUT `bad-size`, `bad-eviction-setting`
 */
export function createEvictionPolicy({
  capacityBytes,
  setting = 'balanced',
  maxMemoryBytes = EVICTION_MEMORY_BYTES,
  seed = 0,
}: EvictionOptions): EvictionPolicy {
  const rule = valueRule(setting)
  const room = createRoom({ capacityBytes, rule, maxMemoryBytes, seed })
  if (!rule.weighsBoth) return room
  const shadows = createShadows({ capacityBytes, rule, maxMemoryBytes, seed })
  const play = (id: string, sizeBytes: number): void => {
    shadows.request(id, sizeBytes)
    room.byRecency = shadows.favourRecency
  }
  return {
    access(id) {
      const sizeBytes = room.sizeOf(id)
      const isResident = room.access(id)
      if (sizeBytes !== undefined) play(id, sizeBytes)
      return isResident
    },
    admit(id, sizeBytes, mayLeave) {
      const decision = room.admit(id, sizeBytes, mayLeave)
      // What is asked for and not here tells its size only now.
      if (!room.has(id)) play(id, sizeBytes)
      return decision
    },
    insert: room.insert,
    // What leaves the room, the shadows may have kept.
    remove: room.remove,
    victims: room.victims,
    has: room.has,
    capacityBytes,
    get residentBytes() {
      return room.residentBytes
    },
    get residentCount() {
      return room.residentCount
    },
  }
}
