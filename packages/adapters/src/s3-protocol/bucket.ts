import type { Clock, ObjectHead } from '@mediakeep/core'
import type { BucketClient, ObjectFacts, ObjectHeaders } from './bucket-client.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { Layout } from './layout.ts'
import { decodeMetadata } from './metadata.ts'

/** What every operation on a store's bucket needs. */
export interface Bucket {
  readonly storeName: string
  readonly client: BucketClient
  readonly layout: Layout
  readonly budget: ByteBudget
  readonly clock: Clock
  /** Bodies up to this size are one request; larger ones are parts of it. */
  readonly partBytes: number
  readonly partsAtOnce: number
  readonly maxObjectBytes: number
  readonly conditionalPut: 'enforced' | 'ignored'
}

export function headOf(key: string, facts: ObjectFacts): ObjectHead {
  const metadata = decodeMetadata(facts.metadata)
  return {
    key,
    sizeBytes: facts.sizeBytes,
    etag: facts.etag,
    modifiedAt: wholeSecond(facts.modifiedAt),
    ...(facts.contentType === undefined ? {} : { contentType: facts.contentType }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}

/** Lists tell milliseconds, headers seconds: one object has one time. */
export function wholeSecond(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000)
}

/** The head of what was written, as far as the answer tells it. */
export function writtenHead(
  bucket: Bucket,
  key: string,
  sizeBytes: number,
  written: { readonly etag: string; readonly answeredAt?: Date },
  headers: ObjectHeaders,
): ObjectHead {
  return headOf(key, {
    sizeBytes,
    etag: written.etag,
    modifiedAt: written.answeredAt ?? new Date(bucket.clock.now()),
    ...(headers.contentType === undefined ? {} : { contentType: headers.contentType }),
    metadata: headers.metadata,
  })
}
