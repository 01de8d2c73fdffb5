import { parseDisposition, text } from './disposition.ts'
import { refuseForm } from './refuse.ts'

/** What the header of a part says. */
export interface PartHead {
  readonly name: string
  /** Present for a file part. As sent: it is cleaned by the store. */
  readonly filename: string | undefined
  readonly contentType: string | undefined
}

export interface PartHeadLimits {
  readonly maxHeadLines: number
  readonly maxFieldNameBytes: number
}

const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/s
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\n-\x1f\x7f]/
const PROTOTYPE_NAMES = new Set(['__proto__', 'constructor', 'prototype'])
// Names go into no object of ours, but hosts do strange things: nesting beyond this is an attack, not a form.
const MAX_NAME_BRACKETS = 8

/**
 * Reads the header block of one part.
 * @throws MediaError MEDIA_BAD_INPUT or MEDIA_TYPE_REFUSED with the reasons of `MultipartReason`.
 * @see RFC 7578 section 4
 */
export function parsePartHead(block: Buffer, limits: PartHeadLimits): PartHead {
  const headers = readHeaders(block, limits.maxHeadLines)
  const disposition = headers.get('content-disposition')
  if (disposition === undefined) {
    throw refuseForm('missing-disposition', 'a part has no Content-Disposition')
  }
  const encoding = headers.get('content-transfer-encoding')
  if (encoding !== undefined && !/^(?:7bit|8bit|binary)$/i.test(encoding)) {
    throw refuseForm('unsupported-encoding', 'Content-Transfer-Encoding of a part must be binary')
  }
  const contentType = headers.get('content-type')
  if (contentType !== undefined && /^multipart\//i.test(contentType)) {
    throw refuseForm('nested-multipart', 'a form inside a form is not taken', 'MEDIA_TYPE_REFUSED')
  }
  const { name, filename } = parseDisposition(disposition)
  checkName(name, limits.maxFieldNameBytes)
  return { name, filename, contentType: contentType === undefined ? undefined : text(contentType) }
}

function readHeaders(block: Buffer, maxHeadLines: number): Map<string, string> {
  const headers = new Map<string, string>()
  if (block.length === 0) return headers
  const lines = block.toString('latin1').split('\r\n')
  if (lines.length > maxHeadLines) throw refuseForm('malformed-multipart', 'a part has too many header lines')
  for (const line of lines) {
    const match = HEADER_LINE.exec(line)
    const name = match?.[1]?.toLowerCase()
    const value = match?.[2]
    if (name === undefined || value === undefined) {
      throw refuseForm('malformed-multipart', 'a header line of a part is malformed')
    }
    if (CONTROL.test(value)) {
      const inName = name === 'content-disposition' && value.includes('\0')
      throw inName
        ? refuseForm('invalid-filename', 'a name in a part contains NUL')
        : refuseForm('malformed-multipart', 'a header of a part contains control characters')
    }
    if (headers.has(name)) throw refuseForm('malformed-multipart', `a part has two ${name} headers`)
    headers.set(name, value)
  }
  return headers
}

function checkName(name: string, maxBytes: number): void {
  if (name === '') throw refuseForm('invalid-field-name', 'the name of a part is empty')
  if (Buffer.byteLength(name) > maxBytes) {
    throw refuseForm('invalid-field-name', `the name of a part is longer than ${maxBytes} bytes`)
  }
  const segments = name.split(/[[\].]+/)
  if (segments.length > MAX_NAME_BRACKETS || segments.some((segment) => PROTOTYPE_NAMES.has(segment))) {
    throw refuseForm('invalid-field-name', 'the name of a part is not a plain name')
  }
}
