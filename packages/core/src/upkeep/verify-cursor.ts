import { MediaError } from '../errors/media-error.ts'

/** Where a verification stands: on a volume behind a copy of it (at its start without one), or behind all of it. */
export interface VerifyCursor {
  readonly volumeId: string
  readonly after?: string
  readonly isDone: boolean
}

const VERSION = 'v1'

export function formatCursor({ volumeId, after, isDone }: VerifyCursor): string {
  return Buffer.from(JSON.stringify([VERSION, volumeId, isDone, after ?? null])).toString('base64url')
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-cursor` */
export function parseCursor(text: string): VerifyCursor {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    value = undefined
  }
  if (Array.isArray(value) && value.length === 4 && value[0] === VERSION) {
    const [, volumeId, isDone, after] = value as readonly unknown[]
    if (typeof volumeId === 'string' && typeof isDone === 'boolean') {
      if (after === null) return { volumeId, isDone }
      if (typeof after === 'string') return { volumeId, isDone, after }
    }
  }
  throw new MediaError('MEDIA_BAD_INPUT', 'the cursor is not one that verify gave', { reason: 'bad-cursor' })
}
