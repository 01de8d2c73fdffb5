import { type CompleteOptions, isMediaError, type StoredPart, type Upload } from '@mediakeep/core'
import { z } from 'zod'
import { sendJson } from '../router/answer.ts'
import { hasBody } from '../router/client-body.ts'
import { contextOf, type Exchange } from '../router/exchange.ts'
import { readJson } from '../router/json-body.ts'
import { findUpload } from './sessions.ts'

const WANTED = z.strictObject({ numbers: z.array(z.int().positive()).min(1).max(1_000) })

/** GET of the parts that a bucket has; POST of numbers for the addresses that these parts are put to. */
export async function answerParts(exchange: Exchange, id: string): Promise<void> {
  const { upload, principal } = await findUpload(exchange, id)
  const call = { context: contextOf(exchange, principal) }
  const { uploads } = exchange.store
  if (exchange.method !== 'POST') {
    sendJson(exchange, 200, { parts: await uploads.listParts(upload.id, call) })
    return
  }
  const { numbers } = await readJson(exchange, WANTED)
  const parts = await uploads.signParts(upload.id, numbers, call)
  sendJson(exchange, 200, {
    parts: parts.map(({ number, method, url, headers }) => ({ number, method, url: url.href, headers })),
  })
}

const TOLD = z.strictObject({
  parts: z
    .array(z.strictObject({ number: z.int().positive(), etag: z.string().min(1).max(200) }))
    .max(10_000)
    .optional(),
})

/** What a completion tells of its parts, where it tells something. */
export async function readToldParts(exchange: Exchange): Promise<CompleteOptions['parts']> {
  const { request } = exchange
  // Clients state a type for what they do not send, too.
  if (request.headers['content-type'] === undefined || !hasBody(request)) return undefined
  return (await readJson(exchange, TOLD)).parts
}

/** The parts of an upload under way; none where it has no parts, or is completed. */
export async function partsUnderWay(exchange: Exchange, upload: Upload): Promise<readonly StoredPart[]> {
  const isOpen = upload.state === 'created' || upload.state === 'receiving'
  if (upload.parts === undefined || !isOpen) return []
  try {
    return await exchange.store.uploads.listParts(upload.id)
  } catch (error) {
    // It ended a moment ago.
    if (isMediaError(error, 'MEDIA_CONFLICT') || isMediaError(error, 'MEDIA_GONE')) return []
    throw error
  }
}
