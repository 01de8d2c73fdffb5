import { type HeaderList, isMediaError } from '@mediakeep/core'
import { sendEmpty, sendProblem } from '../router/answer.ts'
import type { HttpExchange } from '../router/exchange.ts'
import { TUS_RESUMABLE } from './protocol.ts'

/** Answers without a body. */
export function sendTus(exchange: HttpExchange, status: number, headers: HeaderList): void {
  sendEmpty(exchange, status, [...TUS_RESUMABLE, 'Cache-Control', 'no-store', ...headers])
}

/** Answers with what went wrong; a piece that is not what its checksum says has a status of its own here. */
export function sendTusProblem(exchange: HttpExchange, error: unknown, headers: HeaderList = []): void {
  const isMismatch = isMediaError(error, 'MEDIA_DIGEST_MISMATCH') && error.reason === 'checksum-mismatch'
  if (isMismatch) exchange.response.statusMessage = 'Checksum Mismatch'
  sendProblem(exchange, error, [...TUS_RESUMABLE, ...headers], isMismatch ? 460 : undefined)
}
