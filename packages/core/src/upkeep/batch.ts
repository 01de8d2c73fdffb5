/** Rows of one step of upkeep: enough to be quick, few enough that nobody else waits long. */
export const BATCH = 500
/** Blobs looked at in one statement: it reads much and changes little. */
export const RECHECK_BATCH = 5_000
