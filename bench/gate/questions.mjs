/*
 * A CheckRequest as Envoy sends it, written by hand: the same bytes for every server, made by none of them.
 */

function varint(value) {
  const bytes = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

function field(number, payload) {
  const bytes = Buffer.from(payload)
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

const entry = ([name, value]) => field(3, Buffer.concat([field(1, name), field(2, value)]))

const SMALL = {
  accept: '*/*',
  'user-agent': 'curl/8.5.0',
  'x-request-id': 'f3b0c0de-0000-4000-8000-000000000000',
}

/** As a browser sends with a session and a token: about 2.8 kB of them. */
const BROWSER = {
  ...SMALL,
  accept: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9,de;q=0.8',
  authorization: `Bearer ${'t'.repeat(700)}`,
  cookie: `session=${'c'.repeat(1_200)}`,
  referer: 'https://www.example.com/articles/2026/11/a-long-path-to-a-page-with-many-images',
  'sec-ch-ua': '"Chromium";v="142", "Not_A Brand";v="24"',
  'sec-ch-ua-mobile': '?0',
  'sec-ch-ua-platform': '"Linux"',
  'sec-fetch-dest': 'image',
  'sec-fetch-mode': 'no-cors',
  'sec-fetch-site': 'same-origin',
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
}

export const HEADERS = { 'small headers': SMALL, '2.8 kB headers': BROWSER }

/** In the frame of gRPC, for a POST. */
export function question(headers, path) {
  const all = { ':method': 'GET', ':path': path, ':authority': 'cdn.example', ':scheme': 'https', ...headers }
  const http = Buffer.concat([
    field(1, '1234567890'),
    field(2, 'GET'),
    ...Object.entries(all).map(entry),
    field(4, path),
    field(5, 'cdn.example'),
    field(6, 'https'),
    field(10, 'HTTP/2'),
  ])
  const peer = field(1, field(1, field(2, '203.0.113.9')))
  const message = field(1, Buffer.concat([field(1, peer), field(2, peer), field(4, field(2, http))]))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
