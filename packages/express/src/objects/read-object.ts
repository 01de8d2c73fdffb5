import type { ServerResponse } from 'node:http'
import {
  type Call,
  MediaError,
  OBJECT_STATUS_HEADER,
  type ObjectHead,
  type ObjectReader,
  objectHeaders,
  planRead,
  type ReadPlan,
  setHeaders,
  writeHead,
} from '@mediakeep/core'
import { contentHeaders, sendProblem } from '../router/answer.ts'
import { breakOff, guardStall } from '../router/body-answer.ts'
import { callOf, type ObjectExchange } from './exchange.ts'

/** An object that is replaced between the look and the read is looked at again, so often. */
const MAX_LOOKS = 5
const CONDITIONAL = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
] as const

/** GET and HEAD of an object. */
export async function readObject(exchange: ObjectExchange, key: string): Promise<void> {
  const { store, method, request } = exchange
  const call = callOf(exchange)
  const isPlain = method === 'GET' && CONDITIONAL.every((name) => request.headers[name] === undefined)
  for (let look = 1; look <= MAX_LOOKS; look++) {
    const reader = isPlain ? await store.get(key, call) : undefined
    const head = isPlain ? reader?.head : await store.head(key, call)
    if (head === undefined) {
      sendAbsent(exchange)
      return
    }
    if (await answer(exchange, head, reader, call)) return
  }
  throw new MediaError('MEDIA_BUSY', 'the object is being replaced again and again', { reason: 'replaced' })
}

/** @returns whether it is answered: not when the object is another one by now. */
async function answer(
  exchange: ObjectExchange,
  head: ObjectHead,
  opened: ObjectReader | undefined,
  call: Call,
): Promise<boolean> {
  const { request, response, store, method } = exchange
  const { key, etag, modifiedAt, sizeBytes, contentType = 'application/octet-stream' } = head
  const plan = planRead(
    { method, headers: request.headers },
    {
      etag,
      modifiedAt,
      sizeBytes,
      contentType,
      visibility: 'private',
      filename: key.slice(key.lastIndexOf('/') + 1),
    },
    { nowMs: Date.now() },
  )
  const { body } = plan
  switch (body.kind) {
    case 'problem':
      sendProblem(exchange, body.error, plan.headers)
      return true
    case 'none':
      writeHead(response, plan.status, contentHeaders(exchange, [...plan.headers, ...objectHeaders(head)]))
      response.end()
      return true
    case 'multipart': {
      const readers: ObjectReader[] = []
      const isSame = await openAll(exchange, head, body.parts, call, readers)
      if (isSame) {
        await send(exchange, plan, head, async function* () {
          for (const [index, { head: boundary }] of body.parts.entries()) {
            yield Buffer.from(boundary, 'latin1')
            yield* readers[index]?.stream() ?? []
          }
          yield Buffer.from(body.closing, 'latin1')
        })
      }
      for (const reader of readers) await reader[Symbol.asyncDispose]()
      return isSame
    }
    case 'whole':
    case 'range': {
      const range = body.kind === 'range' ? { range: body.range } : {}
      const reader = opened ?? (await store.get(key, { ...call, ...range }))
      if (reader === undefined) return false
      try {
        if (reader.head.etag !== etag) return false
        await send(exchange, plan, head, () => reader.stream())
        return true
      } finally {
        await reader[Symbol.asyncDispose]()
      }
    }
  }
}

/** Opens each part before the first byte goes, so that all are of one object. */
async function openAll(
  { store }: ObjectExchange,
  head: ObjectHead,
  parts: readonly { readonly range: { readonly start: number; readonly endExclusive: number } }[],
  call: Call,
  readers: ObjectReader[],
): Promise<boolean> {
  for (const { range } of parts) {
    const reader = await store.get(head.key, { ...call, range })
    if (reader !== undefined) readers.push(reader)
    if (reader?.head.etag !== head.etag) return false
  }
  return true
}

async function send(
  exchange: ObjectExchange,
  plan: ReadPlan,
  head: ObjectHead,
  body: () => AsyncIterable<unknown>,
): Promise<void> {
  const { response } = exchange
  const headers = contentHeaders(exchange, [...plan.headers, ...objectHeaders(head)])
  try {
    // Set one by one they wait for the first bytes, and can be taken back until then.
    response.statusCode = plan.status
    setHeaders(response, headers)
    guardStall(exchange)
    for await (const chunk of body()) {
      if (!response.write(chunk)) await drained(response)
      if (response.destroyed) return
    }
    response.end()
  } catch (error) {
    breakOff(exchange, error, headers)
  }
}

/** Room to write again, or the end of the connection. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle)
      response.off('close', settle)
      resolve()
    }
    response.on('drain', settle)
    response.on('close', settle)
    if (response.destroyed) settle()
  })
}

/** The one answer that says "absent": a 404 without this field is somebody else's. */
function sendAbsent(exchange: ObjectExchange): void {
  const error = new MediaError('MEDIA_ABSENT', 'there is no such object')
  sendProblem(exchange, error, [OBJECT_STATUS_HEADER, 'absent'])
}
