import {
  awsPrices,
  isMediaError,
  type PriceTable,
  type TieringOptions,
  type TierOptions,
} from '@mediakeep/core'
import { z } from 'zod'
import { parseStoreUrl } from '../stores/address.ts'
import { parseSize } from './sizes.ts'

/** A tier as settings say it. */
export interface TierSetting extends Omit<TierOptions, 'store' | 'hints'> {
  /** A store URL; absent: the volume in the folder of media and records. */
  readonly url?: string
  /** Of a tier at a `minio:` URL: its notifications are followed. An external one needs `imports`; of others they complete uploads. */
  readonly follow?: boolean
}

/** A whole number of bytes, or a size with its unit. */
export const byteSize: z.ZodType<number> = sizeFrom(1)

const dollars = z.number().min(0)
const ratio = z.number().gt(0).max(1)
const ms = z.number().min(0)
const count = z.number().int().min(0)

const prices: z.ZodType<PriceTable> = z.preprocess(
  (value, context) => {
    if (typeof value !== 'string') return value
    const [, region] = /^aws:([a-z0-9-]+)$/.exec(value) ?? []
    try {
      if (region !== undefined) return awsPrices(region)
    } catch (error) {
      if (!isMediaError(error, 'MEDIA_BAD_INPUT')) throw error
    }
    context.addIssue('give aws:REGION of a region whose prices are known, or a table of prices')
    return z.NEVER
  },
  z.strictObject({
    perRequest: z
      .partialRecord(
        z.enum(['get', 'head', 'put', 'part', 'multipart', 'abort', 'copy', 'list', 'delete', 'other']),
        dollars,
      )
      .exactOptional(),
    perGigabyteOut: dollars.exactOptional(),
    perGigabyteMonth: dollars.exactOptional(),
  }),
)

/** The URL is looked at here, so that a bad one is refused at start; what is wrong is told without it. */
const storeUrl = z.string().superRefine((text, context) => {
  try {
    parseStoreUrl(text)
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_BAD_INPUT')) throw error
    context.addIssue(error.message)
  }
})

const tier = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'give small letters, digits and hyphens, 32 at most'),
    url: storeUrl.exactOptional(),
    role: z.enum(['home', 'cache', 'external']).exactOptional(),
    capacity: byteSize.exactOptional(),
    highWatermarkRatio: ratio.exactOptional(),
    lowWatermarkRatio: ratio.exactOptional(),
    prices: prices.exactOptional(),
    serves: z.boolean().exactOptional(),
    follow: z.boolean().exactOptional(),
    directUrls: z.boolean().exactOptional(),
    eviction: z
      .union(
        [
          z.enum(['balanced', 'requests', 'bytes', 'lru']),
          z.strictObject({ exponent: z.number().min(0).max(1) }),
          z.strictObject({ prices: z.strictObject({ perRequest: dollars, perByte: dollars }) }),
        ],
        'give balanced, requests, bytes, lru, {"exponent": 0..1} or {"prices": {"perRequest", "perByte"}}',
      )
      .exactOptional(),
    imports: z
      .strictObject({
        prefix: z.string().min(1).exactOptional(),
        owner: z.string().min(1).max(256).exactOptional(),
        visibility: z.enum(['public', 'private']).exactOptional(),
        namespace: z.string().min(1).exactOptional(),
      })
      .exactOptional(),
  })
  .transform(({ capacity, ...rest }) => ({
    ...rest,
    ...(capacity === undefined ? {} : { capacityBytes: capacity }),
  }))

export const tiersSetting: z.ZodType<readonly TierSetting[]> = fromText(z.array(tier).min(1).max(16))

const contentType = z.string().regex(/^[^/\s]+\/[^/\s]+$/, 'give a type as video/mp4 or video/*')

export const tieringSetting: z.ZodType<TieringOptions> = fromText(
  z.strictObject({
    rules: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(64),
          match: z.strictObject({
            contentType: contentType.exactOptional(),
            minBytes: sizeFrom(0).exactOptional(),
            maxBytes: sizeFrom(0).exactOptional(),
            owner: z.string().min(1).exactOptional(),
            namespace: z.string().min(1).exactOptional(),
            olderThanMs: ms.int().exactOptional(),
          }),
          tiers: z.array(z.string()).min(1),
        }),
      )
      .exactOptional(),
    burst: z
      .strictObject({
        whenFull: z.boolean().exactOptional(),
        whenDown: z.boolean().exactOptional(),
        whenSlowerThanMs: ms.exactOptional(),
        holdMs: ms.exactOptional(),
        drainBack: z.boolean().exactOptional(),
      })
      .exactOptional(),
    promotion: z
      .strictObject({
        reads: count.exactOptional(),
        windowMs: z.number().min(1).exactOptional(),
        maxBytes: sizeFrom(0).exactOptional(),
      })
      .exactOptional(),
    budget: z
      .strictObject({
        dailyDollars: dollars,
        stopBursts: z.boolean().exactOptional(),
        delayReads: z.boolean().exactOptional(),
      })
      .exactOptional(),
    evictGraceMs: ms.exactOptional(),
    maxMoves: z.number().int().min(1).max(64).exactOptional(),
    reconcileEveryMs: ms.exactOptional(),
  }),
)

/** A value of its own in a file, its JSON in the environment. */
export function fromText<Value>(schema: z.ZodType<Value>): z.ZodType<Value> {
  return z.preprocess((value, context) => {
    if (typeof value !== 'string') return value
    try {
      return JSON.parse(value) as unknown
    } catch {
      context.addIssue('it is not JSON') // the parser's own words repeat the text
      return z.NEVER
    }
  }, schema)
}

function sizeFrom(least: 0 | 1): z.ZodType<number> {
  return z.preprocess((value, context) => {
    if (typeof value !== 'string') return value
    const bytes = parseSize(value)
    if (bytes !== undefined) return bytes
    context.addIssue('give whole bytes, or a size as 800GiB')
    return z.NEVER
  }, z.number().int().min(least))
}
