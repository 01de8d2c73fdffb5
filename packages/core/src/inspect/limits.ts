import type { ArchiveLimits, MediaPolicy } from '../contracts/policy.ts'
import {
  MAX_ARCHIVE_ENTRIES,
  MAX_ARCHIVE_RATIO,
  MAX_ARCHIVE_TOTAL_BYTES,
  MAX_FRAMES,
  MAX_PIXELS,
  MAX_TOTAL_PIXELS,
} from '../defaults.ts'

/** What a policy says of one body, with every default filled in. Plain data: it goes to a thread. */
export interface InspectLimits {
  readonly maxPixels: number
  readonly maxFrames: number
  readonly maxTotalPixels: number
  readonly trailingData: 'camera' | 'refuse' | 'allow'
  readonly activeContent: 'refuse' | 'allow'
  readonly archives: 'refuse' | 'unchecked' | Required<ArchiveLimits>
  readonly facts: 'size' | 'camera' | 'position'
  /** Whether the policy names this very type, so that its nature is no surprise. */
  readonly isNamed: boolean
}

/** The limits of `policy` for a body of this verified type. */
export function limitsOf(policy: MediaPolicy, contentType: string): InspectLimits {
  const { archives = {} } = policy
  return {
    maxPixels: policy.maxPixels ?? (contentType.startsWith('image/') ? MAX_PIXELS : Number.POSITIVE_INFINITY),
    maxFrames: policy.maxFrames ?? MAX_FRAMES,
    maxTotalPixels: policy.maxTotalPixels ?? MAX_TOTAL_PIXELS,
    trailingData: policy.trailingData ?? 'camera',
    activeContent: policy.activeContent ?? 'refuse',
    archives:
      typeof archives === 'string'
        ? archives
        : {
            maxEntries: archives.maxEntries ?? MAX_ARCHIVE_ENTRIES,
            maxTotalBytes: archives.maxTotalBytes ?? MAX_ARCHIVE_TOTAL_BYTES,
            maxRatio: archives.maxRatio ?? MAX_ARCHIVE_RATIO,
            allowEncrypted: archives.allowEncrypted ?? false,
            allowNested: archives.allowNested ?? false,
          },
    facts: policy.facts ?? 'camera',
    isNamed: policy.match === contentType,
  }
}
