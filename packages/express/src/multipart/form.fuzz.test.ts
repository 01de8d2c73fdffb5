import { Busboy } from '@fastify/busboy'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ChunkSource, readForm } from './form.ts'

const BOUNDARY = 'X-BOUNDARY-7d81'

interface Parsed {
  fields: { name: string; value: string }[]
  filename: string
  file: string
}

const chunked = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? bytes.length
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const sourceOf = (chunks: readonly Buffer[]): ChunkSource => {
  let at = 0
  return { next: async () => chunks[at++] }
}

async function ours(chunks: readonly Buffer[]): Promise<Parsed> {
  const form = readForm(sourceOf(chunks), { boundary: BOUNDARY, fileField: 'file' })
  const file = await form.file()
  const bytes: Uint8Array[] = []
  for await (const slice of file.body) bytes.push(slice)
  return { fields: [...form.fields], filename: file.filename, file: Buffer.concat(bytes).toString('latin1') }
}

function theirs(chunks: readonly Buffer[]): Promise<Parsed> {
  return new Promise((resolve, reject) => {
    const parsed: Parsed = { fields: [], filename: '', file: '' }
    const busboy = new Busboy({
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      preservePath: true,
    })
    busboy.on('field', (name, value) => parsed.fields.push({ name, value }))
    busboy.on('file', (_name, stream, filename) => {
      parsed.filename = filename
      stream.on('data', (bytes: Buffer) => {
        parsed.file += bytes.toString('latin1')
      })
    })
    busboy.on('finish', () => resolve(parsed))
    busboy.on('error', reject)
    for (const chunk of chunks) busboy.write(chunk)
    busboy.end()
  })
}

it('reads what another parser reads, for 20,000 well-formed forms under random chunking', async () => {
  const near = fc
    .integer({ min: 0, max: BOUNDARY.length + 3 })
    .map((length) => Buffer.from(`\r\n--${BOUNDARY}`.slice(0, length)))
  const piece = fc.oneof(
    near,
    fc.constantFrom('\r\n', '\n', '\r', 'line\r\n', '--', '\r\n--').map((value) => Buffer.from(value)),
    fc.uint8Array({ maxLength: 30 }).map((value) => Buffer.from(value)),
  )
  const content = fc
    .array(piece, { maxLength: 12 })
    .map((pieces) => Buffer.concat(pieces))
    .filter(
      (value) =>
        !Buffer.concat([Buffer.from('\r\n'), value, Buffer.from('\r\n')]).includes(`\r\n--${BOUNDARY}`),
    )
  const field = fc.record({
    name: fc.stringMatching(/^[a-z]{1,8}$/).filter((name) => name !== 'file' && name !== 'constructor'),
    value: fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes(BOUNDARY)),
  })
  const filename = fc.stringMatching(/^[a-zA-Z0-9 ._éüß日-]{1,20}$/).map((name) => `n${name}`)
  await fc.assert(
    fc.asyncProperty(
      fc.array(field, { maxLength: 3 }),
      fc.array(field, { maxLength: 3 }),
      filename,
      content,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
      async (before, after, name, bytes, sizes) => {
        const part = (head: string, body: Buffer): Buffer =>
          Buffer.concat([
            Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
            body,
            Buffer.from('\r\n'),
          ])
        const fieldPart = (one: { name: string; value: string }): Buffer =>
          part(`name="${one.name}"`, Buffer.from(one.value))
        const whole = Buffer.concat([
          ...before.map(fieldPart),
          part(`name="file"; filename="${name}"\r\nContent-Type: application/octet-stream`, bytes),
          ...after.map(fieldPart),
          Buffer.from(`--${BOUNDARY}--\r\n`),
        ])
        const chunks = chunked(whole, sizes)
        const parsed = await ours(chunks)
        expect(parsed).toEqual(await theirs(chunks))
        expect(parsed.file).toBe(bytes.toString('latin1'))
      },
    ),
    { numRuns: 20_000 },
  )
}, 120_000)
