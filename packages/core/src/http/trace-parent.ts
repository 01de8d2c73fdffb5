/** Where in a trace a request stands. @see W3C Trace Context section 3.2 */
export interface TraceParent {
  readonly version: string
  readonly traceId: string
  readonly parentId: string
  readonly isSampled: boolean
}

const MAX_LENGTH = 256
const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads `traceparent`; `undefined` when it is not valid, and the request then starts a trace of its own.
 * Version 00 has exactly four fields; later ones may have more.
 */
export function parseTraceParent(header: string | readonly string[] | undefined): TraceParent | undefined {
  if (typeof header !== 'string' || header.length > MAX_LENGTH) return undefined
  const [, version, traceId, parentId, flags, more] = TRACE_PARENT.exec(header) ?? []
  if (version === undefined || traceId === undefined || parentId === undefined || flags === undefined)
    return undefined
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { version, traceId, parentId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
