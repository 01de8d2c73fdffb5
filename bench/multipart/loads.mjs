import { randomBytes } from 'node:crypto'

export const BOUNDARY = '----MediakeepBenchBoundary7MA4YWxkTrZu0gW'
const MiB = 2 ** 20
const CHUNK_BYTES = 65_536

/** Text of many lines: each line end looks like the beginning of a delimiter. */
const lines = (sizeBytes) => Buffer.alloc(sizeBytes, 'A line of text, as long as lines are.\r\n')
/** Nearly the delimiter, over and over: what slows naive search. */
const nearBoundary = (sizeBytes) => Buffer.alloc(sizeBytes, `\r\n--${BOUNDARY.slice(0, -1)}_`)

export const LOADS = {
  '1 MiB random': { sizeBytes: MiB, content: randomBytes },
  '100 MiB random': {
    sizeBytes: 100 * MiB,
    content: (sizeBytes) => Buffer.concat(Array(sizeBytes / MiB).fill(randomBytes(MiB))),
  },
  '1 MiB near-boundary': { sizeBytes: MiB, content: nearBoundary },
  '1 MiB lines of text': { sizeBytes: MiB, content: lines },
}

/** The form as a socket gives it. */
export function chunksOf(id) {
  const { sizeBytes, content } = LOADS[id]
  const form = Buffer.concat([
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`,
    ),
    content(sizeBytes),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ])
  const chunks = []
  for (let at = 0; at < form.length; at += CHUNK_BYTES) chunks.push(form.subarray(at, at + CHUNK_BYTES))
  return chunks
}
