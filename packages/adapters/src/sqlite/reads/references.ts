/** SQL that is true where nothing refers to the blob `b`. */
export const UNREFERENCED: string = `NOT EXISTS(SELECT 1 FROM contents WHERE contents.blobId = b.id)
  AND NOT EXISTS(SELECT 1 FROM pins WHERE pins.blobId = b.id)
  AND NOT EXISTS(SELECT 1 FROM derivatives WHERE derivatives.blobId = b.id)`

/** SQL that is true where a content, or what was derived for one, needs the blob `b`. A session's pin alone does not. */
export const WANTED: string = `(EXISTS(SELECT 1 FROM contents WHERE contents.blobId = b.id)
  OR EXISTS(SELECT 1 FROM derivatives WHERE derivatives.blobId = b.id))`
