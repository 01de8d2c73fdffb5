/** Time as a port, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once after `ms`; the returned function cancels. The timer never keeps the process alive. */
  after(ms: number, callback: () => void): () => void
}
