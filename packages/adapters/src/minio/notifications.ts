import { setTimeout as delay } from 'node:timers/promises'
import { isMediaError } from '@mediakeep/core'
import type { Frame } from '../s3-protocol/bucket-client.ts'
import type { Layout } from '../s3-protocol/layout.ts'
import { S3Failure } from '../s3-protocol/s3-failure.ts'
import type { OpenAnswer, Requests } from './request.ts'

/**
 * Something happened to an object, perhaps: a hint may come late, twice, out of order or never. Look at the object itself.
 * `all`: hints were lost (the connection began or broke), anything may have happened.
 */
export type ObjectHint =
  | { readonly type: 'created' | 'removed'; readonly key: string }
  | { readonly type: 'all' }

const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']
/** A line is one event with a long key; the server sends a space now and then when there is none. */
const MAX_LINE_BYTES = 1024 * 1024

const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000

/** Listens, and listens again when the connection breaks. Throws what trying again does not mend. */
export async function* listen(
  requests: Requests,
  layout: Layout,
  prefix: string,
  frame: Frame,
  failed: (error: unknown) => unknown,
): AsyncGenerator<ObjectHint> {
  for (let failures = 0; ; failures++) {
    try {
      for await (const hint of listenOnce(requests, layout, prefix, frame)) {
        failures = 0
        yield hint
      }
    } catch (error) {
      frame.signal.throwIfAborted()
      const told = failed(error)
      if (!isMediaError(told) || !told.retryable) throw told
    }
    frame.signal.throwIfAborted()
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
    await delay(waitMs * (0.5 + Math.random() / 2), undefined, { signal: frame.signal }).catch(() => {
      frame.signal.throwIfAborted()
    })
  }
}

/**
 * Listens on one connection. Begins with `all` once the server listens, and ends when the connection does.
 * @throws S3Failure
 */
async function* listenOnce(
  requests: Requests,
  layout: Layout,
  prefix: string,
  frame: Frame,
): AsyncGenerator<ObjectHint> {
  const query = { events: EVENTS, prefix: `${layout.objects}${prefix}`, ping: 5 }
  const answer = await requests.open({ class: 'other', method: 'GET', query }, frame)
  try {
    yield { type: 'all' }
    for await (const line of linesOf(answer)) yield* hintsOf(line, layout)
  } finally {
    answer.raw.destroy()
    answer.end(0)
  }
}

async function* linesOf({ raw }: OpenAnswer): AsyncGenerator<string> {
  let rest = ''
  raw.setEncoding('utf8')
  for await (const chunk of raw as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_BYTES) throw new S3Failure('', { status: 200 })
    for (const line of lines) if (line.trim() !== '') yield line
  }
}

function* hintsOf(line: string, layout: Layout): Generator<ObjectHint> {
  for (const record of recordsOf(line)) {
    const event = memberOf(record, 'eventName')
    const name = memberOf(memberOf(memberOf(record, 's3'), 'object'), 'key')
    if (typeof event !== 'string' || typeof name !== 'string') continue
    const key = decodeURIComponent(name.replaceAll('+', ' '))
    if (!key.startsWith(layout.objects)) continue
    yield { type: event.includes('ObjectRemoved') ? 'removed' : 'created', key: layout.keyOf(key) }
  }
}

function recordsOf(line: string): readonly unknown[] {
  try {
    const records = memberOf(JSON.parse(line), 'Records')
    return Array.isArray(records) ? records : []
  } catch {
    return [] // hints may be lost
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined
}
