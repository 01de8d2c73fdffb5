/** Longest wait that setTimeout takes; a longer one runs out at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1
