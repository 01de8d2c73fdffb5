import { fileTypeFromBuffer } from 'file-type'
import { isBorneOut } from './short-magic.ts'
import { textKind } from './text-types.ts'

/** How much of a body is looked at. */
export const SNIFF_BYTES = 4_100

export type Sniffed =
  /** Magic bytes say so. */
  | { readonly kind: 'magic'; readonly contentType: string }
  /** Text of a kind that our rules know. */
  | { readonly kind: 'text'; readonly contentType: string }
  | { readonly kind: 'unknown' }

const TEXT_TYPES = {
  svg: 'image/svg+xml',
  html: 'text/html',
  xml: 'application/xml',
  playlist: 'application/vnd.apple.mpegurl',
  script: 'text/x-script',
  plain: 'text/plain',
} as const

/**
 * Tells the type by the first bytes alone. A hint with limits: a prefix can lie about the rest,
 * which is why what is served is chosen by an allow-list and never as a document of our origin.
 */
export async function sniff(prefix: Uint8Array, complete: boolean): Promise<Sniffed> {
  const bytes = prefix.length > SNIFF_BYTES ? prefix.subarray(0, SNIFF_BYTES) : prefix
  const text = textKind(bytes, complete && bytes.length === prefix.length)
  if (text !== undefined) {
    // PDF and PostScript begin as text; everything else that reads as clean text has no magic to find.
    const magic = /^%(?:PDF|!PS)/.test(Buffer.from(bytes.subarray(0, 5)).toString('latin1'))
      ? await magicType(bytes)
      : undefined
    return magic === undefined
      ? { kind: 'text', contentType: TEXT_TYPES[text] }
      : { kind: 'magic', contentType: magic }
  }
  const magic = await magicType(bytes)
  return magic === undefined ? { kind: 'unknown' } : { kind: 'magic', contentType: magic }
}

async function magicType(bytes: Uint8Array): Promise<string | undefined> {
  try {
    const type = essence((await fileTypeFromBuffer(bytes))?.mime)
    return type !== undefined && isBorneOut(type, bytes) ? type : tiffType(bytes)
  } catch {
    return tiffType(bytes) // a parser that trips over hostile bytes has not recognised them
  }
}

/** TIFF whose directory stands behind its pixels, out of reach here: it is told by its first bytes alone. */
function tiffType(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 4)).toString('hex')
  return ['49492a00', '4d4d002a', '49492b00', '4d4d002b'].includes(start) ? 'image/tiff' : undefined
}

function essence(type: string | undefined): string | undefined {
  const end = type?.indexOf(';') ?? -1
  return (end < 0 ? type : type?.slice(0, end))?.trim().toLowerCase()
}
