import { MediaError } from '../errors/media-error.ts'
import { ruleFaults } from '../tiering/rules.ts'
import { policyFaults } from '../validation/policy-faults.ts'
import { composition } from './composition.ts'
import type { MediaStoreOptions } from './options.ts'

/**
 * Looks at the whole composition once and lists every fault.
 * @throws MediaError MEDIA_BAD_INPUT `bad-composition`
 */
export function checkOptions(options: MediaStoreOptions): void {
  const unfit = [...composition('', options), ...absentFaults(options)]
  // What is no list or no object cannot be looked into any further.
  if (unfit.length > 0) refuse(unfit)
  const faults = [
    ...tierFaults(options),
    ...numberFaults(options),
    ...urlFaults(options),
    ...policyFaults(options.policies ?? []),
    ...scanFaults(options),
  ]
  if (faults.length > 0) refuse(faults)
}

function refuse(faults: readonly string[]): never {
  throw new MediaError('MEDIA_BAD_INPUT', `the store cannot be composed: ${faults.join('; ')}`, {
    reason: 'bad-composition',
  })
}

function absentFaults({ tiers, catalog }: Partial<MediaStoreOptions>): string[] {
  return [
    ...(tiers === undefined ? ['tiers are required'] : []),
    ...(catalog === undefined ? ['a catalog is required'] : []),
  ]
}

function tierFaults({ tiers, minCopies, tiering = {} }: MediaStoreOptions): string[] {
  const faults: string[] = []
  const homes = tiers.filter(({ role = 'home' }) => role === 'home')
  if (homes.length === 0) faults.push('tiers: there is no home tier')
  if (
    homes.length > 0 &&
    homes.every(
      ({ store }) => store.traits.paid && store.staging === undefined && store.createWriter === undefined,
    )
  ) {
    faults.push('tiers: every home tier is paid and none has staging; add an unpaid home tier')
  }
  if (minCopies !== undefined && !(Number.isSafeInteger(minCopies) && minCopies >= 1))
    faults.push('minCopies must be a whole number of at least 1')
  else if (minCopies !== undefined && minCopies > homes.length)
    faults.push(`minCopies: ${minCopies} copies need as many home tiers, there are ${homes.length}`)
  for (const { name, role, imports } of tiers)
    if (imports !== undefined && role !== 'external')
      faults.push(`tiers: ${name}.imports is for external tiers`)
  for (const { name, hints, imports, role, store } of tiers)
    if (hints !== undefined && (role === 'external' ? imports === undefined : store.presign === undefined))
      faults.push(
        `tiers: ${name}.hints is for external tiers with imports, and for buckets that take uploads`,
      )
  const names = new Set<string>()
  for (const { name, capacityBytes, highWatermarkRatio = 0.9, lowWatermarkRatio = 0.8 } of tiers) {
    if (names.has(name)) faults.push(`tiers: "${name}" is there twice`)
    names.add(name)
    if (capacityBytes !== undefined && !(Number.isSafeInteger(capacityBytes) && capacityBytes > 0))
      faults.push(`tiers: ${name}.capacityBytes must be a positive whole number`)
    if (!(lowWatermarkRatio > 0 && lowWatermarkRatio < highWatermarkRatio && highWatermarkRatio <= 1)) {
      faults.push(`tiers: ${name} needs 0 < lowWatermarkRatio < highWatermarkRatio <= 1`)
    }
  }
  faults.push(
    ...ruleFaults(
      tiering.rules ?? [],
      homes.map(({ name }) => name),
    ),
  )
  return faults
}

function numberFaults(options: MediaStoreOptions): string[] {
  const { limits = {}, reads = {}, upkeep = {}, tiering = {}, sessionTtlMs } = options
  const numbers: readonly (readonly [string, number | undefined, number])[] = [
    ['limits.maxUploadsInFlight', limits.maxUploadsInFlight, 1],
    ['limits.maxBodyBytes', limits.maxBodyBytes, 1],
    ['limits.memoryBodyBytes', limits.memoryBodyBytes, 0],
    ['limits.maxOpenUploads', limits.maxOpenUploads, 1],
    ['scanning.timeoutMs', options.scanning?.timeoutMs, 1],
    ['scanning.maxConcurrent', options.scanning?.maxConcurrent, 1],
    ['reads.cacheBytes', reads.cacheBytes, 0],
    ['reads.verifiedForMs', reads.verifiedForMs, 0],
    ['upkeep.intervalMs', upkeep.intervalMs, 0],
    ['upkeep.garbageGraceMs', upkeep.garbageGraceMs, 0],
    ['upkeep.maxGarbageRatio', upkeep.maxGarbageRatio, 0],
    ['upkeep.verifyEveryMs', upkeep.verifyEveryMs, 0],
    ['upkeep.verifyBytesPerSecond', upkeep.verifyBytesPerSecond, 1],
    ['sessionTtlMs', sessionTtlMs, 1],
    ['tiering.burst.whenSlowerThanMs', tiering.burst?.whenSlowerThanMs, 0],
    ['tiering.burst.holdMs', tiering.burst?.holdMs, 0],
    ['tiering.promotion.reads', tiering.promotion?.reads, 0],
    ['tiering.promotion.windowMs', tiering.promotion?.windowMs, 1],
    ['tiering.promotion.maxBytes', tiering.promotion?.maxBytes, 0],
    ['tiering.budget.dailyDollars', tiering.budget?.dailyDollars, 0],
    ['tiering.evictGraceMs', tiering.evictGraceMs, 0],
    ['tiering.maxMoves', tiering.maxMoves, 1],
    ['tiering.reconcileEveryMs', tiering.reconcileEveryMs, 0],
  ]
  return numbers.flatMap(([name, value, least]) =>
    value === undefined || (Number.isFinite(value) && value >= least)
      ? []
      : [`${name} must be a number of at least ${least}`],
  )
}

function scanFaults({ scanner, scanning = {} }: MediaStoreOptions): string[] {
  const faults: string[] = []
  const { mode, onInfected, onUnscannable } = scanning
  if (scanner === undefined && Object.keys(scanning).length > 0) faults.push('scanning: there is no scanner')
  if (mode === 'async' && (onInfected === 'reject' || onUnscannable === 'reject'))
    faults.push('scanning: what was answered before it is looked at cannot be rejected; use quarantine')
  return faults
}

function urlFaults({ publicBaseUrl }: MediaStoreOptions): string[] {
  if (publicBaseUrl === undefined || URL.canParse(String(publicBaseUrl))) return []
  return ['publicBaseUrl must be an absolute URL']
}
