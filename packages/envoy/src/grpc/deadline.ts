const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}

/**
 * When a call with this `grpc-timeout` ends, in ms since the epoch: infinite without one, undefined when it is none.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md Timeout
 */
export function deadlineOf(timeout: string | undefined): number | undefined {
  if (timeout === undefined) return Number.POSITIVE_INFINITY
  const unitMs = UNIT_MS[timeout.slice(-1)]
  const value = timeout.slice(0, -1)
  return unitMs === undefined || !/^\d{1,8}$/.test(value) ? undefined : Date.now() + Number(value) * unitMs
}
