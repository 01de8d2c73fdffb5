import { badOption, type Clock, type StoreTraits } from '@mediakeep/core'
import type { Bucket } from './bucket.ts'
import type { BucketClient } from './bucket-client.ts'
import { createByteBudget } from './byte-budget.ts'
import { createLayout } from './layout.ts'
import type { BucketStoreOptions } from './options.ts'

const MiB = 1024 * 1024
const PART_BYTES = 16 * MiB
const PARTS_AT_ONCE = 4
const HELD_BYTES = 256 * MiB
const MIN_PART_BYTES = 5 * MiB
const MAX_PART_BYTES = 512 * MiB
/** Amazon S3's limit when this was written; other endpoints take as much or say so themselves. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` `bad-prefix` */
export function configure(
  options: BucketStoreOptions,
  name: string,
  client: BucketClient,
  clock: Clock,
): Bucket {
  const { prefix = '', readOnly = false, conditionalPut = 'enforced' } = options
  const { partBytes = PART_BYTES, partsAtOnce = PARTS_AT_ONCE, maxHeldBytes = HELD_BYTES } = options
  checkOption(name, 'partBytes', partBytes, MIN_PART_BYTES, MAX_PART_BYTES)
  checkOption(name, 'partsAtOnce', partsAtOnce, 1, 64)
  checkOption(name, 'maxHeldBytes', maxHeldBytes, 1, Number.MAX_SAFE_INTEGER)
  return {
    storeName: name,
    client,
    layout: createLayout(name, prefix, readOnly),
    budget: createByteBudget(maxHeldBytes),
    clock,
    partBytes,
    partsAtOnce,
    maxObjectBytes: MAX_OBJECT_BYTES,
    conditionalPut,
  }
}

export function traitsOf(
  { listOrder = 'key' }: BucketStoreOptions,
  bucket: Bucket,
  paid: boolean,
): StoreTraits {
  return {
    maxObjectBytes: bucket.maxObjectBytes,
    maxKeyBytes: bucket.layout.maxKeyBytes,
    minPartBytes: MIN_PART_BYTES,
    paid,
    shared: true,
    durability: 'durable',
    conditionalPut: bucket.conditionalPut,
    retries: true,
    listOrder,
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function checkOption(
  storeName: string,
  option: string,
  value: number,
  min: number,
  max: number,
): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return
  throw badOption(`${storeName}: ${option} is ${value}, not from ${min} to ${max}`)
}
