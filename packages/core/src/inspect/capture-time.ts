const TIME = /^(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)/
const OFFSET = /^[+-](?:0\d|1[0-4]):[0-5]\d$/

/** A time as cameras write it, `2026:05:04 03:02:01`, in the form of ISO 8601; `undefined` when there is no such time. */
export function captureTimeOf(text: string | undefined, offset: string | undefined): string | undefined {
  const [, year, month, day, hour, minute, second] = TIME.exec(text ?? '') ?? []
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const ms = Date.parse(`${local}Z`)
  // A date that does not exist is moved to one that does. Clocks that were never set show the year 0.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(local) || Number(year) < 1800)
    return undefined
  return offset !== undefined && OFFSET.test(offset) ? local + offset : local
}

/** The same of an instant that is known. */
export function captureTimeAt(ms: number): string | undefined {
  return ms > 0 && ms < MAX_MS ? `${new Date(ms).toISOString().slice(0, 19)}Z` : undefined
}

/** Times behind the year 2200 are of no camera. */
const MAX_MS = Date.UTC(2200, 0, 1)
