import type { BlobVerdict, MediaRecord, PortableMedia, PortablePlacement } from '../contracts/catalog.ts'

/** The record by value, as it is kept outside a catalog. What it shares with `record` and `chunkSums` is not copied. */
export function portableMedia(
  { content, ...record }: MediaRecord,
  domain: string,
  chunkSums: Uint8Array | undefined,
  verdict: BlobVerdict | undefined,
): PortableMedia {
  const { number, state, contentType, filename, facts, createdAt, digest, sizeBytes, placements } = content
  return {
    ...record,
    content: { number, state, contentType, filename, facts, createdAt },
    blob: {
      domain,
      ...(digest === undefined ? {} : { digest }),
      sizeBytes,
      ...(chunkSums === undefined ? {} : { chunkSums }),
      ...(verdict === undefined ? {} : { verdict }),
    },
    placements: placements.map(
      ({ blobId: _blobId, state: _state, ...placement }): PortablePlacement => placement,
    ),
  }
}
