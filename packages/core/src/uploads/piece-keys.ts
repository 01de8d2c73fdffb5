import { checkPart } from '../bytes/partials.ts'
import type { PartialPart } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'

/** A stretch of a part that is an object of its own. */
export interface Piece {
  readonly key: string
  readonly start: number
  readonly endExclusive: number
  /** Counts up over all pieces of a part: of two that hold the same byte the later one is right. */
  readonly serial: number
}

export const PIECES_PREFIX = 'mk-partials/'

const PIECE_KEY = /^mk-partials\/([\w%-]+)\/(\d+)\/(\d{16})-(\d{10})$/
const POSITION_DIGITS = 16
const SERIAL_DIGITS = 10
/** With the rest of it a key stays a file name everywhere, segment by segment. */
const MAX_NAME_BYTES = 200

/** Whether an object's key is that of a piece, which is no body of ours and no file of a user. */
export function isPieceKey(key: string): boolean {
  return PIECE_KEY.test(key)
}

/** What all keys of a part begin with, and no others. @throws MediaError MEDIA_BAD_INPUT `bad-name` */
export function piecesPrefix(storeName: string, part: PartialPart): string {
  checkPart(storeName, part)
  const name = /\p{Surrogate}/u.test(part.name) ? '' : escapeName(part.name)
  if (name !== '' && name.length <= MAX_NAME_BYTES) return `${PIECES_PREFIX}${name}/${part.part}/`
  throw new MediaError('MEDIA_BAD_INPUT', `${storeName}: ${JSON.stringify(part.name)} is no name of a part`, {
    reason: 'bad-name',
  })
}

export function pieceKey(prefix: string, start: number, serial: number): string {
  return `${prefix}${String(start).padStart(POSITION_DIGITS, '0')}-${String(serial).padStart(SERIAL_DIGITS, '0')}`
}

/** The piece that an object is; undefined for any other object. */
export function pieceOf(key: string, sizeBytes: number): Piece | undefined {
  const match = PIECE_KEY.exec(key)
  if (match === null) return undefined
  const start = Number(match[3])
  return { key, start, endExclusive: start + sizeBytes, serial: Number(match[4]) }
}

/** The name that a piece was written under. */
export function nameOfPiece(key: string): string | undefined {
  const name = PIECE_KEY.exec(key)?.[1]
  return name === undefined ? undefined : decodeURIComponent(name)
}

/** Letters, digits, `_`, `-` and `%xx`: nothing that a server or a path could take for more than a name. */
function escapeName(name: string): string {
  return encodeURIComponent(name).replace(
    /[^\w%-]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
