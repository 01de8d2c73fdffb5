import { declaredDigest, type Media, type PutOptions } from '@mediakeep/core'
import { FORM_OVERHEAD_BYTES } from '../defaults.ts'
import { boundaryOf } from '../multipart/boundary.ts'
import { readForm } from '../multipart/form.ts'
import { checkedBody } from './checked-body.ts'
import { declaredBytes } from './client-body.ts'
import type { Exchange } from './exchange.ts'
import { declaredType, openBody } from './intake.ts'
import { optionsOfFields } from './put-fields.ts'

/** Name of the part that is the media. */
const FILE_FIELD = 'file'

/**
 * Takes the file of a form. Fields count on either side of it: those before are known while the bytes come, those
 * behind are told to the store after the last byte and before the commit. A form that breaks off leaves nothing.
 */
export async function createFromForm(exchange: Exchange, base: PutOptions): Promise<Media> {
  const { request, store, settings } = exchange
  const boundary = boundaryOf(request.headers['content-type'] ?? '')
  const digest = declaredDigest(request.headers)
  const formBytes = declaredBytes(request)
  // How much of the form is the file cannot be known yet; what is surely too much is refused now.
  const leastBytes = formBytes === undefined ? 0 : formBytes - FORM_OVERHEAD_BYTES
  await store.admit(leastBytes > 0 ? { ...base, sizeBytes: leastBytes } : base)
  const body = openBody(exchange)
  // Content-Digest of a form is that of the whole form.
  const source = digest === undefined ? body : checkedBody(body, digest)
  const form = readForm(source, { boundary, fileField: FILE_FIELD, limits: settings.multipart })
  const file = await form.file()
  const contentType = declaredType(file.contentType)
  return store.put(file.body, {
    ...base,
    filename: file.filename,
    ...(contentType === undefined ? {} : { contentType }),
    ...optionsOfFields(form.fields),
    signal: body.signal,
    finish: () => optionsOfFields(form.fields),
  })
}
