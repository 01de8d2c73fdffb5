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

/** Without an event for so long the server sends an empty line. */
const PING_SECONDS = 10
const REFUSED_WITHIN_MS = 1_000
const EVENTS = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']
/** A line is one event with a long key; the server sends a space now and then when there is none. */
const MAX_LINE_BYTES = 1024 * 1024

const FIRST_WAIT_MS = 500
const MAX_WAIT_MS = 30_000

/**
 * Listens, and listens again when the connection breaks. Throws what trying again does not mend.
 * @param failed words errors as callers know them
 */
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
      if (!isMediaError(told) || !told.retryable || told.reason === 'volume-offline') throw told
    }
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
    await quiet(waitMs * (0.5 + Math.random() / 2), frame.signal)
    frame.signal.throwIfAborted()
  }
}

/**
 * Listens on one connection, and ends when it does. `all` comes once the server listens; some builds of it send no answer before
 * the first few events, so one that does not refuse at once counts as listening.
 * @throws S3Failure
 */
async function* listenOnce(
  requests: Requests,
  layout: Layout,
  prefix: string,
  frame: Frame,
): AsyncGenerator<ObjectHint> {
  const query = { events: EVENTS, prefix: `${layout.objects}${prefix}`, ping: PING_SECONDS }
  const ending = new AbortController()
  const signal = AbortSignal.any([frame.signal, ending.signal])
  const request = { class: 'other', method: 'GET', query, isPatient: true } as const
  const opening = requests.open(request, { ...frame, signal })
  try {
    await Promise.race([opening, quiet(REFUSED_WITHIN_MS, signal)])
    yield { type: 'all' }
    const answer = await opening
    try {
      for await (const line of linesOf(answer)) yield* hintsOf(line, layout)
    } finally {
      answer.end(0)
    }
  } finally {
    ending.abort(new Error('nobody listens any more'))
    const answer = await opening.catch(() => undefined)
    answer?.raw.destroy()
  }
}

/** Waits, not longer than until the signal. */
async function quiet(waitMs: number, signal: AbortSignal): Promise<void> {
  await delay(waitMs, undefined, { signal }).catch(() => {})
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
    // Other ways of notification escape the name; here it comes as it stands.
    if (typeof event !== 'string' || typeof name !== 'string' || !name.startsWith(layout.objects)) continue
    yield { type: event.includes('ObjectRemoved') ? 'removed' : 'created', key: layout.keyOf(name) }
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
