/** Rows of one step of upkeep: enough to be quick, few enough that nobody else waits long. */
export const BATCH = 500
