import { createBlockPool } from '../cas/block-pool.ts'
import { createReadCache } from '../cas/read-cache.ts'
import { createVerifyMemo } from '../cas/verify-memo.ts'
import type { Catalog } from '../contracts/catalog.ts'
import {
  GARBAGE_GRACE_MS,
  GC_BRAKE_RATIO,
  MAX_BODY_BYTES,
  MAX_UPLOADS_IN_FLIGHT,
  MEMORY_BODIES_BYTES,
  MEMORY_BODY_BYTES,
  READ_CACHE_BYTES,
  READ_CACHE_OBJECT_BYTES,
  SESSION_TTL_MS,
  SUMS_CACHE_BYTES,
  VERIFIED_FOR_MS,
} from '../defaults.ts'
import { createHeldBytes } from '../ingest/held-bytes.ts'
import { createInspector } from '../inspect/index.ts'
import { createKeyRing, createSigningKey } from '../keys/key-ring.ts'
import { createScanning } from '../scanning/scanning.ts'
import { advisoryStates } from '../state/advice.ts'
import { memoryStates } from '../state/index.ts'
import { systemClock } from '../time/clock.ts'
import { createKeyedLock } from '../time/keyed-lock.ts'
import { DEFAULT_POLICIES } from '../validation/policies.ts'
import { createActivity } from './activity.ts'
import type { Engine } from './engine.ts'
import type { MediaStoreOptions } from './options.ts'
import { announce } from './watch.ts'

/** What the engine has before the parts are made that need it: settings, their defaults, and what lives in memory. */
export type EngineBase = Omit<Engine, 'journal' | 'tiers' | 'external' | 'scans' | 'uploads'>

type BaseParts = Pick<Engine, 'volumes' | 'chooser' | 'onKept' | 'events'>

export function createEngineBase(
  options: MediaStoreOptions,
  { volumes, chooser, onKept, events }: BaseParts,
): EngineBase {
  const { limits = {}, reads = {}, upkeep: rounds = {}, catalog } = options
  const clock = options.clock ?? systemClock
  const cacheBytes = reads.cacheBytes ?? READ_CACHE_BYTES
  const shared = options.resourceStates
  const local = memoryStates({ clock })
  const states = shared === undefined ? local : advisoryStates(shared, local)
  return {
    states,
    ...(shared === undefined ? {} : { sharedStates: shared }),
    catalog,
    volumes,
    chooser,
    onKept,
    clock,
    policies: options.policies ?? DEFAULT_POLICIES,
    maxBodyBytes: limits.maxBodyBytes ?? MAX_BODY_BYTES,
    memoryBodyBytes: limits.memoryBodyBytes ?? MEMORY_BODY_BYTES,
    held: createHeldBytes(MEMORY_BODIES_BYTES),
    sessionTtlMs: options.sessionTtlMs ?? SESSION_TTL_MS,
    minCopies: options.minCopies ?? 1,
    quotaOf: quotaOf(limits.ownerBytes),
    inspector: createInspector(),
    scanning: createScanning({
      scanner: options.scanner,
      catalog,
      clock,
      options: options.scanning ?? {},
      emit: (event) => events.emit(event),
    }),
    domainOf: options.dedupe === 'namespace' ? (namespace) => namespace : () => '',
    emit(event) {
      announce(states, event)
      events.emit(event)
    },
    keys: options.keys ?? createKeyRing([createSigningKey()]),
    activity: createActivity(),
    events,
    digestLock: createKeyedLock(),
    cache: createReadCache(cacheBytes),
    cacheObjectBytes: cacheBytes === 0 ? 0 : READ_CACHE_OBJECT_BYTES,
    memo: createVerifyMemo({ forMs: reads.verifiedForMs ?? VERIFIED_FOR_MS, now: () => clock.now() }),
    pool: createBlockPool(),
    maxUploadsInFlight: limits.maxUploadsInFlight ?? MAX_UPLOADS_IN_FLIGHT,
    garbageGraceMs: rounds.garbageGraceMs ?? GARBAGE_GRACE_MS,
    maxGarbageRatio: rounds.maxGarbageRatio ?? GC_BRAKE_RATIO,
    publicBaseUrl: options.publicBaseUrl === undefined ? undefined : asFolder(new URL(options.publicBaseUrl)),
    chunkSums: chunkSumsOf(catalog),
  }
}

/** The sums of a blob from the catalog, kept in memory: they never change. */
function chunkSumsOf(catalog: Catalog): Engine['chunkSums'] {
  const sums = createReadCache(SUMS_CACHE_BYTES)
  return async (blobId) => {
    const known = sums.get(blobId)
    if (known !== undefined) return known
    const found = await catalog.chunkSums(blobId)
    if (found !== undefined) sums.put(blobId, Buffer.from(found.buffer, found.byteOffset, found.byteLength))
    return found
  }
}

/** Copies are nobody's: they have no owner. */
function quotaOf(
  limit: NonNullable<MediaStoreOptions['limits']>['ownerBytes'],
): (namespace: string, owner: string) => number | undefined {
  if (limit === undefined) return () => undefined
  return (namespace, owner) => {
    if (owner === '') return undefined
    return typeof limit === 'number' ? limit : limit(owner, namespace)
  }
}

/** So that paths are added to the mount instead of taking the place of its last segment. */
function asFolder(url: URL): URL {
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
