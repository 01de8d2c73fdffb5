import { MediaError } from '@mediakeep/core'
import type { z } from 'zod'
import { MAX_JSON_DEPTH } from '../defaults.ts'
import { declaredBytes, openClientBody } from './client-body.ts'
import type { HttpExchange } from './exchange.ts'

const JSON_TYPE = /^application\/(?:json|merge-patch\+json)[ \t]*(?:;|$)/i

/**
 * Reads a JSON body that fits `schema`.
 * @throws MediaError MEDIA_TYPE_REFUSED for another type, MEDIA_TOO_LARGE, MEDIA_BAD_INPUT `invalid-json` or
 * `invalid-field`, which names the field.
 */
export async function readJson<T>(exchange: HttpExchange, schema: z.ZodType<T>): Promise<T> {
  const { request } = exchange
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    throw new MediaError('MEDIA_TYPE_REFUSED', 'the body must be application/json', { reason: 'not-json' })
  }
  // A JSON parser in front of the router has done the reading.
  const value =
    request.readableEnded && isObject(request.body) ? request.body : parseJson(await readText(exchange))
  checkShape(value, 0)
  return parseWith(schema, value)
}

/** Parses JSON text of a form field or a body. @throws MediaError MEDIA_BAD_INPUT `invalid-json` */
export function parseJson(text: string, what: string = 'the body'): unknown {
  try {
    const value: unknown = JSON.parse(text)
    checkShape(value, 0)
    return value
  } catch (error) {
    if (error instanceof MediaError) throw error
    throw new MediaError('MEDIA_BAD_INPUT', `${what} is not JSON`, { reason: 'invalid-json', cause: error })
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `invalid-field`, naming the first field that does not fit. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const names = issue?.code === 'unrecognized_keys' ? issue.keys : (issue?.path.map(String) ?? [])
  const name = names
    .join('.')
    .replace(/[^\w.-]/g, '?')
    .slice(0, 100)
  const message =
    issue?.code === 'unrecognized_keys' ? 'is not a known field' : `is not valid: ${issue?.message ?? ''}`
  throw new MediaError('MEDIA_BAD_INPUT', `${name === '' ? 'the value' : name} ${message}`.slice(0, 300), {
    reason: issue?.code === 'unrecognized_keys' ? 'unknown-field' : 'invalid-field',
  })
}

async function readText(exchange: HttpExchange): Promise<string> {
  const { request, settings } = exchange
  const { maxJsonBytes } = settings
  const declared = declaredBytes(request)
  if (declared !== undefined && declared > maxJsonBytes) throw tooLarge(maxJsonBytes)
  const body = openClientBody(request, {
    minBytesPerSecond: settings.minBodyBytesPerSecond,
    rateWindowMs: settings.bodyRateWindowMs,
  })
  exchange.body = body
  const chunks: Buffer[] = []
  for (let chunk = await body.next(); chunk !== undefined; chunk = await body.next()) {
    chunks.push(chunk)
    if (body.receivedBytes() > maxJsonBytes) throw tooLarge(maxJsonBytes)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (cause) {
    throw new MediaError('MEDIA_BAD_INPUT', 'the body is not UTF-8', { reason: 'invalid-json', cause })
  }
}

/** Names that reach prototypes, and nesting that reaches the end of the stack, go no further than here. */
function checkShape(value: unknown, depth: number): void {
  if (!isObject(value)) return
  if (depth >= MAX_JSON_DEPTH) {
    throw new MediaError('MEDIA_BAD_INPUT', `the JSON is nested deeper than ${MAX_JSON_DEPTH}`, {
      reason: 'invalid-json',
    })
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === '__proto__') {
      throw new MediaError('MEDIA_BAD_INPUT', '__proto__ is not a field', { reason: 'invalid-json' })
    }
    checkShape(member, depth + 1)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function tooLarge(maxBytes: number): MediaError {
  return new MediaError('MEDIA_TOO_LARGE', `a JSON body may have ${maxBytes} bytes`, {
    reason: 'entity-too-large',
  })
}
