import { Readable } from 'node:stream'
import {
  type ByteSource,
  bytesSource,
  declaredDigest,
  destroyOnAbort,
  formatEtag,
  MediaError,
  objectJson,
  type PutObjectOptions,
  parseObjectMetadata,
  parseObjectType,
  parseWriteCondition,
  type WriteCondition,
} from '@mediakeep/core'
import { OBJECT_MEMORY_BYTES } from '../defaults.ts'
import { sendJson, sendNothing, sendProblem } from '../router/answer.ts'
import { type ClientBody, declaredBytes } from '../router/client-body.ts'
import { checkCoding, checkWhole, openBody } from '../router/intake.ts'
import { callOf, type ObjectExchange } from './exchange.ts'

/** PUT of an object: creates or replaces it, as a whole or not at all. */
export async function putObject(exchange: ObjectExchange, key: string): Promise<void> {
  const { request, store } = exchange
  checkCoding(request)
  checkWhole(request)
  const sizeBytes = declaredBytes(request)
  if (sizeBytes === undefined || request.headers['content-length'] === undefined) {
    const error = new MediaError(
      'MEDIA_BAD_INPUT',
      'send Content-Length: objects are put in a known length',
      {
        reason: 'length-required',
      },
    )
    sendProblem(exchange, error, [], 411)
    return
  }
  if (sizeBytes > store.traits.maxObjectBytes) {
    throw new MediaError('MEDIA_TOO_LARGE', `an object may have ${store.traits.maxObjectBytes} bytes`)
  }
  const options = putOptions(exchange)
  const body = openBody(exchange)
  const source =
    sizeBytes <= OBJECT_MEMORY_BYTES
      ? bytesSource(await readAll(body, sizeBytes))
      : bodySource(body, sizeBytes)
  const head = await store.put(key, source, { ...callOf(exchange, body.signal), ...options })
  const etag = formatEtag(head.etag)
  sendJson(exchange, 200, objectJson(head), etag === undefined ? [] : ['ETag', etag])
}

/** DELETE of an object, absent or not. */
export async function deleteObject(exchange: ObjectExchange, key: string): Promise<void> {
  await exchange.store.delete(key, callOf(exchange))
  sendNothing(exchange)
}

function putOptions({ request: { headers }, store }: ObjectExchange): PutObjectOptions {
  const when = conditionOf(headers)
  if (when !== undefined && store.traits.conditionalPut === 'ignored') {
    // The store would take it as if it were not there.
    throw new MediaError('MEDIA_UNSUPPORTED', 'this bucket cannot keep a condition', {
      reason: 'condition-not-enforced',
    })
  }
  const contentType = parseObjectType(headers)
  const metadata = parseObjectMetadata(headers)
  const checksum = declaredDigest(headers)
  return {
    ...(when === undefined ? {} : { when }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(checksum === undefined ? {} : { checksum }),
  }
}

function conditionOf(headers: ObjectExchange['request']['headers']): WriteCondition | undefined {
  const condition = parseWriteCondition(headers)
  if (condition === undefined || condition.type === 'absent') return condition
  // Only weak tags, which never match strongly, leave none.
  const [etag, ...more] = condition.type === 'match' ? condition.etags : []
  if (condition.type !== 'match' || more.length > 0) {
    throw new MediaError('MEDIA_BAD_INPUT', 'If-Match of an object takes one entity tag', {
      reason: 'bad-condition',
    })
  }
  if (etag === undefined) throw new MediaError('MEDIA_PRECONDITION', 'a weak tag matches nothing here')
  return { type: 'match', etag }
}

async function readAll(body: ClientBody, sizeBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for (let chunk = await body.next(); chunk !== undefined; chunk = await body.next()) chunks.push(chunk)
  return Buffer.concat(chunks, sizeBytes)
}

/** What comes over the wire comes once: a store that asks for it again, or for a part, is told so, and the client sends it again. */
function bodySource(body: ClientBody, sizeBytes: number): ByteSource {
  let isTaken = false
  return {
    sizeBytes,
    open({ range, signal } = {}) {
      const stream = isTaken || range !== undefined ? spentBody() : Readable.from(body, { objectMode: false })
      isTaken = true
      if (signal !== undefined) destroyOnAbort(stream, signal)
      return stream
    },
  }
}

/** Fails before its first byte. */
function spentBody(): Readable {
  return new Readable({
    read() {
      const message = 'the body was read before; send the request again'
      this.destroy(new MediaError('MEDIA_UNAVAILABLE', message, { reason: 'body-spent' }))
    },
  })
}
