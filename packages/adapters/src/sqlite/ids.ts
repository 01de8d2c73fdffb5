const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** How an id is stored: 16 bytes for a UUID, which sort like its text; text for any other name. */
export type StoredId = Uint8Array | string

export function storeId(id: string): StoredId {
  if (id.length !== 36 || !UUID.test(id)) return id
  return Buffer.from(
    id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24),
    'hex',
  )
}

export function readId(stored: StoredId): string {
  if (typeof stored === 'string') return stored
  const hex = asBuffer(stored).hexSlice(0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A digest is stored as its 32 bytes. */
export function storeDigest(digest: string): Uint8Array {
  return Buffer.from(digest.slice(7), 'hex')
}

export function readDigest(stored: Uint8Array | string): `sha256:${string}` {
  if (typeof stored === 'string') return stored as `sha256:${string}`
  return `sha256:${asBuffer(stored).hexSlice(0, 32)}`
}

function asBuffer(bytes: Uint8Array): Buffer & { hexSlice(start: number, end: number): string } {
  return (
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  ) as never
}
