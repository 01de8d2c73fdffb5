import mime from 'mime'
import { newId } from '../bytes/id.ts'
import { createBodyDigester } from '../cas/body-digest.ts'
import { isPhysicalKey, newPlacementId } from '../cas/physical-key.ts'
import type { PortableMedia } from '../contracts/catalog.ts'
import { DEFAULT_NAMESPACE } from '../defaults.ts'
import type { Volume } from '../tiering/volume.ts'
import { SNIFF_BYTES, sniff } from '../validation/sniff.ts'
import type { UpkeepContext } from './context.ts'

const NAME_DIGITS = 16

/** The 64 digits that an object's key says its bytes have; `undefined` for a key that is none of ours. */
export function digestInKey(key: string): string | undefined {
  return isPhysicalKey(key) ? key.slice('ab/'.length, key.indexOf('.')) : undefined
}

/**
 * A record for an object that nobody knows: read whole, named after its digest, of the type its bytes have. Where there is a
 * scanner it waits for it.
 * @returns `undefined` when it is gone, or its bytes are not those that its key says.
 */
export async function recordOfObject(
  { clock, domainOf, scanning }: Pick<UpkeepContext, 'clock' | 'domainOf' | 'scanning'>,
  volume: Volume,
  key: string,
  signal: AbortSignal | undefined,
): Promise<PortableMedia | undefined> {
  const reader = await volume.store.get(key, signal === undefined ? {} : { signal })
  if (reader === undefined) return undefined
  const digester = createBodyDigester()
  const first: Uint8Array[] = []
  let firstBytes = 0
  try {
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) {
      digester.update(chunk)
      if (firstBytes < SNIFF_BYTES) first.push(Buffer.from(chunk.subarray(0, SNIFF_BYTES - firstBytes)))
      firstBytes += chunk.byteLength
    }
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  const { digest, sizeBytes, chunkSums } = digester.finish()
  const hex = digest.slice('sha256:'.length)
  const named = digestInKey(key)
  if (named !== undefined && named !== hex) return undefined
  const sniffed = await sniff(Buffer.concat(first), firstBytes <= SNIFF_BYTES)
  const contentType = sniffed.kind === 'unknown' ? 'application/octet-stream' : sniffed.contentType
  const extension = sniffed.kind === 'unknown' ? null : mime.getExtension(contentType)
  const { modifiedAt, etag } = reader.head
  return {
    id: newId(clock.now()),
    namespace: DEFAULT_NAMESPACE,
    owner: '',
    visibility: 'private',
    revision: 1,
    tags: [],
    metadata: {},
    links: [],
    createdAt: modifiedAt,
    updatedAt: modifiedAt,
    content: {
      number: 1,
      // It may be what waited beside a record, or was held: nobody knows any more.
      state: scanning.isOn ? 'pending' : 'active',
      contentType,
      filename: `${hex.slice(0, NAME_DIGITS)}${extension === null ? '' : `.${extension}`}`,
      facts: {},
      createdAt: modifiedAt,
    },
    blob: { domain: domainOf(DEFAULT_NAMESPACE), digest, sizeBytes, chunkSums },
    placements: [
      {
        id: named === undefined ? newPlacementId(clock.now()) : key.slice(key.indexOf('.') + 1),
        volumeId: volume.id,
        key,
        owned: true,
        storedBytes: sizeBytes,
        etag,
      },
    ],
  }
}
