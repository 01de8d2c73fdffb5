// How one body is sent by each door. A body is two buffers: a head of its own, so that no two are equal, and what all share.
import { randomBytes } from 'node:crypto'
import { Agent, request as httpRequest } from 'node:http'

const MiB = 2 ** 20
const PIECE_BYTES = 8 * MiB
const NO_TYPE = Buffer.from([0x9d, 0x01, 0xc4, 0x80])

export function createSender(port, sizeBytes, { maxSockets = 64 } = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets })
  const shared = randomBytes(sizeBytes - 16)

  /** Sends buffers as one body; resolves with status, headers and JSON. */
  const send = (method, path, headers, buffers) =>
    new Promise((resolve, reject) => {
      const length = buffers.reduce((sum, { length: bytes }) => sum + bytes, 0)
      const target = path.startsWith('http') ? new URL(path).pathname + new URL(path).search : path
      const request = httpRequest(
        {
          agent,
          host: '127.0.0.1',
          port,
          method,
          path: target,
          headers: { ...headers, 'content-length': length },
        },
        (response) => {
          const parts = []
          response.on('data', (part) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(parts).toString()
            if (response.statusCode >= 300)
              reject(new Error(`${method} ${target}: ${response.statusCode} ${text}`))
            else resolve({ headers: response.headers, text })
          })
        },
      )
      request.on('error', reject)
      for (const buffer of buffers) request.write(buffer)
      request.end()
    })
  const json = async (method, path, value) => {
    const body = Buffer.from(JSON.stringify(value))
    const { text } = await send(method, path, { 'content-type': 'application/json' }, [body])
    return JSON.parse(text)
  }
  const wanted = (mode) => ({
    mode,
    filename: 'a.bin',
    contentType: 'application/octet-stream',
    sizeBytes,
    ...(mode === 'chunked' ? { chunkBytes: PIECE_BYTES } : {}),
  })
  /** Of a whole body whose first 16 bytes are `head`. */
  const piece = (head, from, to) => {
    const buffers = from === 0 ? [head] : []
    return [...buffers, shared.subarray(Math.max(0, from - 16), to - 16)]
  }
  const pieces = async (take) => {
    for (let from = 0; from < sizeBytes; from += PIECE_BYTES)
      await take(from, Math.min(sizeBytes, from + PIECE_BYTES))
  }
  const boundary = 'xxxxxxxxxxxxxxxx'
  const formHead = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  )
  const formTail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const octets = { 'content-type': 'application/octet-stream' }

  const doors = {
    raw: (head) => send('POST', '/media?filename=a.bin', octets, [head, shared]),
    form: (head) =>
      send('POST', '/media', { 'content-type': `multipart/form-data; boundary=${boundary}` }, [
        formHead,
        head,
        shared,
        formTail,
      ]),
    async presigned(head) {
      const { url } = await json('POST', '/media/uploads', wanted('presigned'))
      await send('PUT', url, octets, [head, shared])
    },
    async chunked(head) {
      const { url } = await json('POST', '/media/uploads', wanted('chunked'))
      await pieces((from, to) =>
        send('PUT', `${url}/chunks/${from / PIECE_BYTES}`, octets, piece(head, from, to)),
      )
      await send('POST', `${url}/complete`, {}, [])
    },
    async tus(head) {
      const version = { 'tus-resumable': '1.0.0' }
      const { headers } = await send('POST', '/media/tus', { ...version, 'upload-length': sizeBytes }, [])
      await pieces((from, to) =>
        send(
          'PATCH',
          headers.location,
          { ...version, 'content-type': 'application/offset+octet-stream', 'upload-offset': from },
          piece(head, from, to),
        ),
      )
    },
  }
  /** No two alike, and none that happens to begin like a file of a known type. */
  const head = () => Buffer.concat([NO_TYPE, randomBytes(12)])
  return {
    /** Begins so many uploads in pieces, sends half of each at most, and never comes back. */
    async abandon(door, count) {
      const version = { 'tus-resumable': '1.0.0' }
      const octet = { ...version, 'content-type': 'application/offset+octet-stream', 'upload-offset': 0 }
      const some = Math.min(PIECE_BYTES, sizeBytes)
      const begin = {
        async chunked(head) {
          const { url } = await json('POST', '/media/uploads', wanted('chunked'))
          await send('PUT', `${url}/chunks/0`, octets, piece(head, 0, some))
        },
        async tus(head) {
          const { headers } = await send('POST', '/media/tus', { ...version, 'upload-length': sizeBytes }, [])
          await send('PATCH', headers.location, octet, piece(head, 0, some))
        },
        presigned: () => json('POST', '/media/uploads', wanted('presigned')),
      }
      await Promise.all(Array.from({ length: count }, () => begin[door](head())))
    },
    /** Sends `count` bodies, `concurrency` at a time. */
    async run(door, count, concurrency) {
      let left = count
      const lane = async () => {
        while (left-- > 0) await doors[door](head())
      }
      await Promise.all(Array.from({ length: concurrency }, lane))
    },
    close: () => agent.destroy(),
  }
}
