import { type HeaderList, MediaError } from '@mediakeep/core'

/** A header that may be written, its name in lower case. */
export interface CheckedHeader {
  readonly name: string
  readonly value: string
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/

/** How long a message is and whose connection it is on: the proxy's to say. With `host`, the request would go elsewhere. */
const OF_THE_PROXY: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'te',
  'trailer',
])

function unwritable(what: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `gate: an answer must not have this ${what}`, {
    reason: 'unwritable-answer',
  })
}

/**
 * The headers of a list. A default Envoy writes a line break in a value as it is, and what follows becomes a header.
 * @throws MediaError MEDIA_BAD_INPUT when one of them must not be written, or stands there twice.
 */
export function checkedHeaders(list: HeaderList): readonly CheckedHeader[] {
  const headers = new Map<string, CheckedHeader>()
  let name: string | undefined
  for (const text of list) {
    if (name === undefined) {
      name = checkedName(text)
      continue
    }
    if (headers.has(name) || !isPrintable(text)) throw unwritable('header')
    headers.set(name, { name, value: text })
    name = undefined
  }
  if (name !== undefined) throw unwritable('name without a value')
  return [...headers.values()]
}

/** The name in lower case. No pseudo header is a token, so `:method` cannot be set. */
export function checkedName(given: string): string {
  const name = given.toLowerCase()
  if (!TOKEN.test(name) || OF_THE_PROXY.has(name)) throw unwritable('header name')
  return name
}

/**
 * ASCII without control characters, the tab among them. A byte beyond ASCII cannot be said: values are UTF-8 in the
 * answer, and `raw_value`, which has bytes, is not read by Envoy 1.40.
 */
const isPrintable = (value: string): boolean => /^[ -~]*$/.test(value)

/** A path and query as on a request line: from the root, printable ASCII, without a fragment. */
export function checkedPath(path: string): string {
  if (!/^\/[!-"$-~]*$/.test(path)) throw unwritable('path')
  return path
}
