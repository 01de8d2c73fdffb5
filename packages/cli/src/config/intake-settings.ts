import type { MediaPolicy, ScanningOptions } from '@mediakeep/core'
import { z } from 'zod'
import { byteSize, fromText } from './tier-settings.ts'

const count = z.number().int().min(0)

/** Where a clamd listens: `unix:/path`, or host and port with or without a scheme. A host of IPv6 stands in brackets. */
export const SCANNER: RegExp =
  /^(?:unix:(?:\/\/)?(?<path>\/.+)|(?:tcp:\/\/)?(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^\s:/[\]]+)):(?<port>\d{1,5}))$/

/** When a scanner looks, and what follows: as `ScanningOptions` says. */
export const scanningSetting: z.ZodType<ScanningOptions> = fromText(
  z.strictObject({
    mode: z.enum(['sync', 'async']).exactOptional(),
    onInfected: z.enum(['quarantine', 'reject']).exactOptional(),
    onUnscannable: z.enum(['quarantine', 'reject', 'accept']).exactOptional(),
    timeoutMs: z.number().int().min(1).exactOptional(),
    maxConcurrent: z.number().int().min(1).exactOptional(),
  }),
)

/** What bodies must be like: as `MediaPolicy` says. */
export const policiesSetting: z.ZodType<readonly MediaPolicy[]> = fromText(
  z
    .array(
      z.strictObject({
        match: z.string().regex(/^(\*|[^/\s]+\/[^/\s]+)$/, 'give a type as image/png, image/* or *'),
        maxBytes: byteSize.exactOptional(),
        minBytes: count.exactOptional(),
        maxPixels: count.exactOptional(),
        maxFrames: count.exactOptional(),
        maxTotalPixels: count.exactOptional(),
        trailingData: z.enum(['camera', 'refuse', 'allow']).exactOptional(),
        facts: z.enum(['size', 'camera', 'position']).exactOptional(),
        activeContent: z.enum(['refuse', 'allow']).exactOptional(),
        archives: z
          .union([
            z.enum(['refuse', 'unchecked']),
            z.strictObject({
              maxEntries: count.exactOptional(),
              maxTotalBytes: byteSize.exactOptional(),
              maxRatio: z.number().min(1).exactOptional(),
              allowEncrypted: z.boolean().exactOptional(),
              allowNested: z.boolean().exactOptional(),
            }),
          ])
          .exactOptional(),
        refuse: z.boolean().exactOptional(),
        allowUnrecognised: z.boolean().exactOptional(),
      }),
    )
    .min(1)
    .max(256),
)
