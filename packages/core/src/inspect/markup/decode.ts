import { type ByteWindow, MAX_WINDOW_READ_BYTES } from '../byte-window.ts'
import { invalid } from '../refusals.ts'

/** Larger drawings and documents are not looked through, and so not taken. */
const MAX_MARKUP_BYTES = 8_388_608
const TAKEN_ENCODINGS = new Set([
  'utf-8',
  'utf8',
  'us-ascii',
  'ascii',
  'iso-8859-1',
  'latin1',
  'windows-1252',
])
const WIDE_ENCODINGS = new Set(['utf-16', 'utf-16le', 'utf-16be', 'ucs-2', 'iso-10646-ucs-2'])

/**
 * All of the text, in the one encoding that every reader would choose.
 * @throws MediaError MEDIA_INVALID `markup-too-large`, or `invalid-markup` where readers may differ in what they read.
 */
export async function readMarkup(window: ByteWindow): Promise<string> {
  if (window.sizeBytes > MAX_MARKUP_BYTES)
    throw invalid('markup-too-large', `markup of more than ${MAX_MARKUP_BYTES} bytes`)
  const bytes = Buffer.alloc(window.sizeBytes)
  for (let at = 0; at < bytes.length; at += MAX_WINDOW_READ_BYTES)
    bytes.set(await window.read(at, MAX_WINDOW_READ_BYTES), at)
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe
  if (isLittle || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    const text = decode(bytes.subarray(2), isLittle ? 'utf-16le' : 'utf-16be')
    checkDeclared(text, WIDE_ENCODINGS)
    return text
  }
  const declared = declaredEncoding(bytes.toString('latin1', 0, 256))
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  const isNarrow = declared === 'iso-8859-1' || declared === 'latin1' || declared === 'windows-1252'
  const text = decode(bytes, isNarrow && !isMarked ? 'windows-1252' : 'utf-8')
  checkDeclared(text, TAKEN_ENCODINGS)
  return text
}

function decode(bytes: Uint8Array, encoding: string): string {
  let text: string
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw invalid('invalid-markup', `markup that is not ${encoding}`, cause)
  }
  if (text.includes('\0')) throw invalid('invalid-markup', 'markup with NUL characters')
  return text
}

function declaredEncoding(start: string): string | undefined {
  const declaration =
    /^(?:\u00ef\u00bb\u00bf)?\ufeff?<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([^"']{1,40})["']/i.exec(start)
  return declaration?.[1]?.toLowerCase()
}

function checkDeclared(text: string, taken: ReadonlySet<string>): void {
  const declared = declaredEncoding(text.slice(0, 256))
  if (declared !== undefined && !taken.has(declared))
    throw invalid('invalid-markup', 'markup whose declaration and bytes differ in their encoding')
}
