import type { StoredId } from '../ids.ts'

export interface ServedMedia {
  readonly namespace: string
  readonly id: StoredId
}

// Media are clustered by namespace first: one descent for each that there is, rather than an index that every put pays for.
/** SQL of namespace and id of the media that a blob serves. Its `WHERE` has no end: more may be asked. */
export const OF_BLOB: string = `WITH RECURSIVE names(name) AS (SELECT min(namespace) FROM media UNION ALL
    SELECT (SELECT min(namespace) FROM media WHERE namespace > name) FROM names WHERE name IS NOT NULL)
  SELECT m.namespace AS namespace, m.id AS id FROM contents c CROSS JOIN names
  CROSS JOIN media m ON m.namespace = names.name AND m.id = c.mediaId AND m.contentNumber = c.number
  WHERE c.blobId = ?`
