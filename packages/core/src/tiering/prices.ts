import type { AttemptClass } from '../contracts/object-store.ts'
import type { PriceTable } from '../contracts/tiering.ts'
import { MediaError } from '../errors/media-error.ts'

const GIGABYTE = 1e9

/** What one request costs. */
export function requestDollars(prices: PriceTable | undefined, attempt: AttemptClass): number {
  return prices?.perRequest?.[attempt] ?? 0
}

/** What requests of a class cost, with the bytes that left the store for us. */
export function callDollars(
  prices: PriceTable | undefined,
  {
    class: of,
    calls,
    bytes,
  }: { readonly class: AttemptClass; readonly calls: number; readonly bytes: number },
): number {
  const out = of === 'get' ? (bytes / GIGABYTE) * (prices?.perGigabyteOut ?? 0) : 0
  return calls * requestDollars(prices, of) + out
}

/** What keeping bytes for a month costs. */
export function monthlyDollars(prices: PriceTable | undefined, bytes: number): number {
  return (bytes / GIGABYTE) * (prices?.perGigabyteMonth ?? 0)
}

/** What a read of the whole costs: the price of one miss. */
export function readDollars(prices: PriceTable | undefined, sizeBytes: number): number {
  return callDollars(prices, { class: 'get', calls: 1, bytes: sizeBytes })
}

/** What a write costs: one request, or the parts of a multipart write. */
export function writeDollars(prices: PriceTable | undefined, sizeBytes: number, partBytes: number): number {
  if (sizeBytes <= partBytes) return requestDollars(prices, 'put')
  const parts = Math.ceil(sizeBytes / partBytes)
  return parts * requestDollars(prices, 'part') + 2 * requestDollars(prices, 'multipart')
}

const WRITE = 5e-6
const READ = 0.4e-6

const AWS_REGIONS: Readonly<
  Record<string, Required<Pick<PriceTable, 'perGigabyteOut' | 'perGigabyteMonth'>>>
> = {
  'us-east-1': { perGigabyteOut: 0.09, perGigabyteMonth: 0.023 },
  'us-east-2': { perGigabyteOut: 0.09, perGigabyteMonth: 0.023 },
  'us-west-2': { perGigabyteOut: 0.09, perGigabyteMonth: 0.023 },
  'eu-west-1': { perGigabyteOut: 0.09, perGigabyteMonth: 0.023 },
}

/**
 * Public list prices of S3 Standard, first tier, of some regions: a start. A contract of your own, another class or a CDN in front
 * has other ones; write them down as a `PriceTable`.
 * @param options.sameRegion the store's readers are in its region: bytes out are free. Default false.
 * @throws MediaError MEDIA_BAD_INPUT `unknown-region`
 */
export function awsPrices(region: string, options: { readonly sameRegion?: boolean } = {}): PriceTable {
  const prices = AWS_REGIONS[region]
  if (prices === undefined)
    throw new MediaError('MEDIA_BAD_INPUT', `no prices are known for region "${region}"; give a table`, {
      reason: 'unknown-region',
    })
  return {
    perRequest: {
      put: WRITE,
      part: WRITE,
      multipart: WRITE,
      copy: WRITE,
      list: WRITE,
      get: READ,
      head: READ,
      other: READ,
    },
    ...prices,
    ...(options.sameRegion === true ? { perGigabyteOut: 0 } : {}),
  }
}
