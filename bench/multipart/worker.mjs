import { join } from 'node:path'
import busboy from 'busboy'
import { answerParent, repeat } from '../harness/worker.mjs'
import { BOUNDARY, chunksOf, LOADS } from './loads.mjs'

const [subject, folder] = process.argv.slice(2)
const { createMultipartParser } = await import(join(folder, 'parser.mjs'))
const { readForm } = await import(join(folder, 'form.mjs'))

/** Each parses a form and answers how many bytes its file had. */
const PARSE = {
  async 'form reader'(chunks) {
    let at = 0
    const form = readForm({ next: async () => chunks[at++] }, { boundary: BOUNDARY, fileField: 'file' })
    const file = await form.file()
    let bytes = 0
    for await (const chunk of file.body) bytes += chunk.length
    return bytes
  },
  async 'parser alone'(chunks) {
    let bytes = 0
    const parser = createMultipartParser(
      { boundary: BOUNDARY, maxHeadBytes: 16_384, maxStrayBytes: 65_536 },
      { head() {}, data: (chunk) => (bytes += chunk.length), partEnd() {} },
    )
    for (const chunk of chunks) parser.write(chunk)
    parser.end()
    return bytes
  },
  busboy: (chunks) =>
    new Promise((resolve, reject) => {
      const parser = busboy({ headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` } })
      let bytes = 0
      parser.on('file', (_name, file) => file.on('data', (chunk) => (bytes += chunk.length)))
      parser.on('error', reject)
      parser.on('close', () => resolve(bytes))
      let at = 0
      const write = () => {
        while (at < chunks.length) {
          if (!parser.write(chunks[at++])) return parser.once('drain', write)
        }
        parser.end()
      }
      write()
    }),
  async 'no parsing'(chunks) {
    let bytes = 0
    for (const chunk of chunks) bytes += chunk.length
    return bytes
  },
}

let current = ''
let chunks = []

answerParent(async ({ load, ms }) => {
  if (load !== current) {
    chunks = chunksOf(load)
    current = load
  }
  const expected = LOADS[load].sizeBytes
  return repeat(
    async () => {
      const found = await PARSE[subject](chunks)
      if (found < expected - 256) throw new Error(`${subject} found ${found} of ${expected} bytes`)
    },
    { ms },
  )
})
