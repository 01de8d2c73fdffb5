/* Everything this page asks of the server: the documented HTTP routes, one function each. */
import { serverLost } from './connection.js'
import { Problem, problemOf } from './problems.js'

const addressOf = (media) => `media/${encodeURIComponent(media.id)}`
export const contentUrl = (media) => `${addressOf(media)}/content`
export const downloadUrl = (media) => `${addressOf(media)}/download`

/** @throws Problem for every failure but an abort, which passes through. */
async function request(url, options = {}) {
  let response
  try {
    response = await fetch(url, options)
  } catch (error) {
    if (error.name === 'AbortError') throw error
    serverLost()
    throw new Problem(0)
  }
  if (!response.ok) throw problemOf(response.status, await response.text())
  return response.status === 204 ? undefined : response.json()
}

/** One page, newest first: `{ items, nextCursor? }`. */
export function listMedia({ type, q, tag, cursor, limit, signal }) {
  const query = new URLSearchParams({ limit: String(limit) })
  for (const [name, value] of Object.entries({ type, q, tag, cursor })) if (value) query.set(name, value)
  return request(`media?${query}`, { signal })
}

/** Changes name or tags, unless somebody else did since this snapshot was read (then 412). */
export function updateMedia(media, change) {
  return request(addressOf(media), {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json', 'If-Match': `"r${media.revision}"` },
    body: JSON.stringify(change),
  })
}

export const deleteMedia = (media) => request(addressOf(media), { method: 'DELETE' })

/** `{ files, seenBytes, storedBytes }` of the whole store: what people put in, and what the disk holds for it. */
export async function readUsage() {
  const rows = await request('api/usage')
  const sum = (member) => rows.reduce((total, row) => total + row[member], 0)
  return { files: sum('media'), seenBytes: sum('logicalBytes'), storedBytes: sum('storedBytes') }
}

/**
 * Sends one file as a form. XMLHttpRequest, because fetch cannot tell how much has been sent.
 * The key makes a retry safe: when the first answer was lost on the way, the second try gets it, not a second record.
 */
export function sendFile({ file, tags, idempotencyKey, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const form = new FormData()
    if (tags.length > 0) form.append('tags', JSON.stringify(tags))
    form.append('file', file, file.name)
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    signal.addEventListener('abort', abort, { once: true })
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded, event.total))
    request.addEventListener('loadend', () => signal.removeEventListener('abort', abort))
    request.addEventListener('load', () => {
      if (request.status === 201 || request.status === 200) resolve(JSON.parse(request.responseText))
      else reject(problemOf(request.status, request.responseText))
    })
    request.addEventListener('error', () => reject(new Problem(0)))
    request.addEventListener('abort', () => reject(signal.reason))
    request.open('POST', 'media')
    request.setRequestHeader('Idempotency-Key', idempotencyKey)
    request.send(form)
  })
}
