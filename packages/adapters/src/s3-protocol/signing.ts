import { MediaError } from '@mediakeep/core'
import type { SignOptions } from './bucket-client.ts'

/** Longest life of a signature: S3 takes no more. */
const MAX_LIFE_SECONDS = 7 * 24 * 60 * 60

/** @throws MediaError MEDIA_BAD_INPUT `not-signable` */
export function lifeSecondsOf(expiresAt: Date, nowMs: number): number {
  const seconds = Math.floor((expiresAt.getTime() - nowMs) / 1000)
  if (seconds >= 1 && seconds <= MAX_LIFE_SECONDS) return seconds
  throw refuse('a signature lives for one second to seven days')
}

/**
 * What an exact PUT must carry: signed as headers, because in the address many endpoints would not look at them.
 * @throws MediaError MEDIA_BAD_INPUT `not-signable`
 */
export function exactHeaders(exact: SignOptions['exact']): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  if (exact?.sizeBytes !== undefined) headers['content-length'] = String(exact.sizeBytes)
  if (exact?.sha256 !== undefined) headers['x-amz-checksum-sha256'] = base64Of(exact.sha256)
  if (exact?.ifAbsent === true) headers['if-none-match'] = '*'
  return headers
}

function base64Of(sha256: string): string {
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(sha256)?.[1]
  if (hex === undefined) throw refuse('exact.sha256 is no SHA-256 in hexadecimal')
  return Buffer.from(hex, 'hex').toString('base64')
}

function refuse(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'not-signable' })
}
