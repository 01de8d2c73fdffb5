import { isMediaError, MediaError } from '@mediakeep/core'
import type { Exchange } from '../router/exchange.ts'
import { keyTaken } from '../router/write-content.ts'
import { sendTus, sendTusProblem } from './answer.ts'
import { appendToUpload } from './append.ts'
import { CHECKSUM_ALGORITHMS } from './checksum.ts'
import { createUpload } from './create.ts'
import { fieldOf } from './numbers.ts'
import { TUS_EXTENSIONS, TUS_VERSION } from './protocol.ts'
import { showUpload } from './show.ts'
import { terminateUpload } from './terminate.ts'
import { uploadGone } from './uploads.ts'

const METHODS_OF_ALL = ['OPTIONS', 'POST']
const METHODS_OF_ONE = ['OPTIONS', 'HEAD', 'PATCH', 'DELETE']

/**
 * Answers the tus protocol: uploads in pieces that go on after a break. Sends its failures itself: they carry the version too.
 * @param id of the upload; `undefined` for the place where uploads begin
 * @see https://tus.io/protocols/resumable-upload
 */
export async function answerTus(given: Exchange, id: string | undefined): Promise<void> {
  const method = fieldOf(given.request, 'x-http-method-override')?.toUpperCase() ?? given.method
  const exchange: Exchange = { ...given, method }
  try {
    await answer(exchange, id)
  } catch (error) {
    sendTusProblem(exchange, toldAs(error))
  }
}

/** The error in the words of this door. */
function toldAs(error: unknown): unknown {
  // The only condition of an upload is that its key is free, when it begins and when it ends.
  if (isMediaError(error, 'MEDIA_PRECONDITION')) return keyTaken(error)
  // Given up while this request was at it. Senders take 409 for a wrong offset, and try again.
  const hasEnded = isMediaError(error, 'MEDIA_CONFLICT') && error.reason === 'upload-ended'
  return hasEnded ? uploadGone('this upload has ended', 'upload-ended', error) : error
}

async function answer(exchange: Exchange, id: string | undefined): Promise<void> {
  const { method, request } = exchange
  const methods = id === undefined ? METHODS_OF_ALL : METHODS_OF_ONE
  if (!methods.includes(method)) {
    const allowed = methods.join(', ')
    const refusal = new MediaError('MEDIA_METHOD', `the methods here are ${allowed}`)
    sendTusProblem(exchange, refusal, ['Allow', allowed])
    return
  }
  if (method === 'OPTIONS') {
    sendTus(exchange, 204, [
      ...['Tus-Version', TUS_VERSION, 'Tus-Extension', TUS_EXTENSIONS],
      ...['Tus-Checksum-Algorithm', CHECKSUM_ALGORITHMS],
      ...['Tus-Max-Size', String(exchange.store.uploads.maxBytes)],
    ])
    return
  }
  if (fieldOf(request, 'tus-resumable') !== TUS_VERSION) {
    const refusal = new MediaError('MEDIA_PRECONDITION', `the version here is ${TUS_VERSION}`, {
      reason: 'unsupported-tus-version',
    })
    sendTusProblem(exchange, refusal, ['Tus-Version', TUS_VERSION])
    return
  }
  if (id === undefined) return createUpload(exchange)
  switch (method) {
    case 'HEAD':
      return showUpload(exchange, id)
    case 'PATCH':
      return appendToUpload(exchange, id)
    default:
      return terminateUpload(exchange, id)
  }
}
