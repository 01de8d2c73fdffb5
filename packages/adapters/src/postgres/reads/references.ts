/*
 * A plan that was made while the tables were small is kept by its connection while they grow. A subquery with a limit is
 * never made a join that reads a whole table: it stays a look into an index for each row.
 */
const found = (table: string): string => `(SELECT 1 FROM @${table} r WHERE r.blob_id = b.id LIMIT 1)`

/** SQL that is true where nothing refers to the blob `b`. */
export const UNREFERENCED: string = `(${found('contents')} IS NULL AND ${found('pins')} IS NULL
  AND ${found('derivatives')} IS NULL)`

/** SQL that is true where a content, or what was derived for one, needs the blob `b`. A session's pin alone does not. */
export const WANTED: string = `(${found('contents')} IS NOT NULL OR ${found('derivatives')} IS NOT NULL)`
