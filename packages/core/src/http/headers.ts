/** Request headers by lower-case name, as `node:http` gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** Header names and values in turn: `['ETag', '"x"', 'Vary', 'Cookie']`. `writeHead` writes it. */
export type HeaderList = readonly string[]

/**
 * The one value of a header. Several lines of a list header are joined as RFC 9110 section 5.3 says;
 * for other headers the joined text does not parse, which is how a repeated `Range` ends up ignored.
 */
export function headerOf(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name]
  if (value === undefined || typeof value === 'string') return value
  return value.join(', ')
}

/** The value of a header in a list; names are compared without case. */
export function headerIn(list: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase()
  for (let at = 0; at + 1 < list.length; at += 2) {
    if (list[at]?.toLowerCase() === wanted) return list[at + 1]
  }
  return undefined
}

/** Tells whether `value` may stand in a header line: no control characters, nothing beyond Latin-1. */
export function isHeaderValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}
