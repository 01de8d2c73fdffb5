import {
  entityOf,
  isId,
  isMediaError,
  type Media,
  type MediaReader,
  type MediaRef,
  parseKeyPath,
  planRead,
  type RangePart,
  type ReadPlan,
  setHeaders,
  writeHead,
} from '@mediakeep/core'
import { ONE_WRITE_BYTES } from '../defaults.ts'
import { absent, allowOn, checkServed } from './access.ts'
import { contentHeaders, sendProblem } from './answer.ts'
import { breakOff, guardStall } from './body-answer.ts'
import { type Exchange, principalOf } from './exchange.ts'

interface Permit {
  readonly download: boolean
  readonly signatureExpiresAt?: Date
}

const PLAIN: Permit = { download: false }
const DOWNLOAD: Permit = { download: true }

/** GET and HEAD of the bytes by id. */
export function readById(exchange: Exchange, id: string, download: boolean): Promise<void> {
  if (!isId(id)) throw absent()
  const { query } = exchange
  if (query === '') return answerFor(exchange, id, download ? DOWNLOAD : PLAIN)
  const parameters = new URLSearchParams(query)
  if (parameters.has('sig')) return answerSigned(exchange, id, download, parameters)
  return answerFor(exchange, id, download || isTrue(parameters.get('download')) ? DOWNLOAD : PLAIN)
}

/** GET and HEAD of the bytes by the host's key. */
export function readByKey(exchange: Exchange, rawKey: string): Promise<void> {
  const key = keyOrAbsent(rawKey)
  const isDownload = exchange.query !== '' && isTrue(new URLSearchParams(exchange.query).get('download'))
  return answerFor(exchange, { key }, isDownload ? DOWNLOAD : PLAIN)
}

async function answerSigned(
  exchange: Exchange,
  id: string,
  download: boolean,
  parameters: URLSearchParams,
): Promise<void> {
  const { store } = exchange
  // Before the look-up: a bad signature answers the same whether there is such a media or not.
  const signed = store.verifyUrl(id, parameters)
  const media = await store.stat(id)
  if (media === undefined || media.state !== 'active') throw absent()
  await answerContent(exchange, media, {
    download: download || signed.download,
    signatureExpiresAt: signed.expiresAt,
  })
}

async function answerFor(exchange: Exchange, ref: MediaRef, permit: Permit): Promise<void> {
  const { store, access } = exchange
  const principal = await principalOf(exchange)
  const media = await store.stat(ref)
  if (media === undefined) throw absent()
  await allowOn(access, principal, 'read', media)
  checkServed(media)
  await answerContent(exchange, media, permit)
}

async function answerContent(exchange: Exchange, media: Media, permit: Permit): Promise<void> {
  try {
    await answerSnapshot(exchange, media, permit)
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_GONE')) throw error
    // Replaced between the look and the read, and its bytes collected already: the new ones are as good an answer.
    const fresh = await exchange.store.stat(media.id)
    const isReplaced =
      fresh?.state === 'active' && fresh.contentNumber !== media.contentNumber && fresh.owner === media.owner
    if (!isReplaced || fresh.visibility !== media.visibility) throw error
    await answerSnapshot(exchange, fresh, permit)
  }
}

async function answerSnapshot(exchange: Exchange, media: Media, permit: Permit): Promise<void> {
  const { request, response, store } = exchange
  const plan = planRead({ method: exchange.method, headers: request.headers }, entityOf(media), {
    nowMs: Date.now(),
    ...permit,
  })
  const { body, status } = plan
  switch (body.kind) {
    case 'problem':
      sendProblem(exchange, body.error, plan.headers)
      return
    case 'none':
      writeHead(response, status, contentHeaders(exchange, plan.headers))
      response.end()
      return
    case 'multipart':
      await sendParts(exchange, media, plan, body.parts, body.closing)
      return
    case 'whole':
    case 'range': {
      const reader = await store.open(media, body.kind === 'range' ? { range: body.range } : undefined)
      if (reader.buffered === undefined) return sendBytes(exchange, plan, reader)
      sendAtOnce(exchange, plan, reader.buffered)
      await reader[Symbol.asyncDispose]()
    }
  }
}

/** Bytes that are in memory, in one write with their headers. */
function sendAtOnce(exchange: Exchange, plan: ReadPlan, bytes: Uint8Array): void {
  const { response } = exchange
  writeHead(response, plan.status, contentHeaders(exchange, plan.headers))
  response.end(bytes)
}

async function sendBytes(exchange: Exchange, plan: ReadPlan, reader: MediaReader): Promise<void> {
  const { response } = exchange
  try {
    const headers = contentHeaders(exchange, plan.headers)
    // Small bodies are read before the headers go: one write, and damage still has a status of its own.
    if (reader.sizeBytes <= ONE_WRITE_BYTES) {
      const bytes = await reader.bytes({ maxBytes: ONE_WRITE_BYTES })
      writeHead(response, plan.status, headers)
      response.end(bytes)
      return
    }
    // Set one by one they wait for the first bytes, and can be taken back until then.
    response.statusCode = plan.status
    setHeaders(response, headers)
    guardStall(exchange)
    await reader.writeTo(response)
    response.end()
  } catch (error) {
    breakOff(exchange, error, plan.headers)
  } finally {
    await reader[Symbol.asyncDispose]()
  }
}

async function sendParts(
  exchange: Exchange,
  media: Media,
  plan: ReadPlan,
  parts: readonly RangePart[],
  closing: string,
): Promise<void> {
  const { response, store } = exchange
  try {
    response.statusCode = plan.status
    setHeaders(response, contentHeaders(exchange, plan.headers))
    guardStall(exchange)
    for (const { head, range } of parts) {
      await using reader = await store.open(media, { range })
      response.write(head, 'latin1')
      await reader.writeTo(response)
    }
    response.end(closing, 'latin1')
  } catch (error) {
    breakOff(exchange, error, plan.headers)
  }
}

/** A key that cannot be one names nothing. */
function keyOrAbsent(rawKey: string): string {
  try {
    return parseKeyPath(rawKey)
  } catch (error) {
    if (isMediaError(error, 'MEDIA_BAD_INPUT')) throw absent()
    throw error
  }
}

function isTrue(value: string | null): boolean {
  return value === '1' || value === 'true'
}
