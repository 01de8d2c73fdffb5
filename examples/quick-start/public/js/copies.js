/* Which files on this page have the same bytes. The digest tells: equal bytes, equal digest, stored once. */

export function createCopies({ onChange }) {
  const idsByDigest = new Map()

  const changed = (digest) => {
    for (const id of idsByDigest.get(digest) ?? []) onChange(id)
  }

  return {
    add({ id, digest }) {
      if (digest === undefined) return
      const ids = idsByDigest.get(digest) ?? new Set()
      idsByDigest.set(digest, ids.add(id))
      changed(digest)
    },
    remove({ id, digest }) {
      idsByDigest.get(digest)?.delete(id)
      changed(digest)
    },
    has: ({ digest }) => (idsByDigest.get(digest)?.size ?? 0) > 0,
    count: ({ digest }) => idsByDigest.get(digest)?.size ?? 1,
    clear: () => idsByDigest.clear(),
  }
}
