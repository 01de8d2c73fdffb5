import { setMaxListeners } from 'node:events'
import type { IncomingMessage } from 'node:http'
import {
  type AttemptClass,
  type ByteRange,
  type ByteSource,
  bytesSource,
  type Call,
  type CallScope,
  checkObjectKey,
  clampRange,
  type DeleteResult,
  formatObjectPath,
  MEDIA_ERRORS,
  MediaError,
  type MediaErrorCode,
  type ObjectHead,
  type ObjectReader,
  type ObjectStore,
  openCallScope,
  type PutObjectOptions,
  parseObjectHead,
  parseObjectJson,
  refuseUnknown,
  type StoreAttempt,
  type StoreTraits,
  systemClock,
} from '@mediakeep/core'
import { discard, isAbsent, isRecord, readJson, refusalOf } from './answer.ts'
import { bucketUrl, createAgent } from './bucket-url.ts'
import { wayError } from './errors.ts'
import { HTTP_OPTIONS, HTTP_TRAITS, type HttpStoreOptions } from './options.ts'
import { createHttpReader } from './reader.ts'
import { sendRequest, wasStale } from './request.ts'
import { batchesOf, lengthOf, openedOf, putHeaders } from './wire.ts'

const IDLE_TIMEOUT_MS = 30_000
const MAX_KEY_BYTES = 1024

export interface HttpStore extends ObjectStore {
  open(): Promise<void>
  observe(listener: (attempt: StoreAttempt) => void): () => void
  /** Readers that were opened and not yet freed. */
  readonly openCount: number
}

interface Asked {
  readonly class: AttemptClass
  readonly act: string
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: ByteSource
  /** Sent once and not again, whatever becomes of the connection. */
  readonly once?: boolean
}

interface Answer {
  readonly message: IncomingMessage
  /** Tells of the attempt, once. */
  told(bytes?: number): void
}

/**
 * Objects of another instance, over HTTP: a bucket of its `objectRouter`.
 *
 * Requests: one a call; `deleteMany` one for each 1,000 keys. Nothing is tried again but what an old connection that was
 * being closed has not delivered. Redirects are not followed.
 * An answer that no object router gives is MEDIA_UNAVAILABLE, also when it is a 404.
 * @throws MediaError MEDIA_BAD_INPUT `bad-url` `unknown-option`
 */
export function httpStore(options: HttpStoreOptions): HttpStore {
  refuseUnknown('httpStore', options, HTTP_OPTIONS)
  refuseUnknown('traits of httpStore', options.traits ?? {}, HTTP_TRAITS)
  const { name = 'http', clock = systemClock, idleTimeoutMs = IDLE_TIMEOUT_MS } = options
  const url = bucketUrl(name, options.url)
  const bucketPath = url.pathname.replace(/\/+$/, '')
  const agent = options.agent ?? createAgent(url)
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // one per call under way
  const listeners = new Set<(attempt: StoreAttempt) => void>()
  let openCount = 0

  const traits: StoreTraits = {
    maxObjectBytes: options.traits?.maxObjectBytes ?? Number.MAX_SAFE_INTEGER,
    maxKeyBytes: options.traits?.maxKeyBytes ?? MAX_KEY_BYTES,
    minPartBytes: 0,
    paid: options.traits?.paid ?? false,
    shared: true,
    durability: options.traits?.durability ?? 'none',
    conditionalPut: 'enforced', // or refused by the other side
    retries: false,
    listOrder: options.traits?.listOrder ?? 'none',
  }

  const scopeOf = (call?: Call): CallScope => openCallScope(call, clock, closing.signal)
  const enter = (key: string, call?: Call): CallScope => {
    const scope = scopeOf(call)
    try {
      checkObjectKey(name, key, traits.maxKeyBytes)
    } catch (error) {
      scope.release()
      throw error
    }
    return scope
  }
  const tell = (attempt: StoreAttempt): void => {
    for (const listener of [...listeners]) {
      try {
        listener(attempt)
      } catch {
        // A listener can never fail the call it is told of.
      }
    }
  }
  async function headersOf(call: Call | undefined): Promise<Record<string, string>> {
    const given = typeof options.headers === 'function' ? await options.headers() : options.headers
    const { requestId, traceparent } = call?.context ?? {}
    return {
      ...given,
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    }
  }

  async function attempt(asked: Asked, call: Call | undefined, scope: CallScope): Promise<Answer> {
    const startedMs = clock.now()
    const isRead = asked.class === 'get' || asked.class === 'head' || asked.class === 'list'
    let sentBytes = 0
    let isTold = false
    const told = (bytes: number, status: number | undefined): void => {
      if (isTold) return
      isTold = true
      tell({
        class: asked.class,
        cause: call?.context?.cause ?? (isRead ? 'read' : 'write'),
        bytes,
        durationMs: Math.max(clock.now() - startedMs, 0),
        ...(status === undefined ? {} : { status }),
      })
    }
    try {
      const message = await sendRequest(
        {
          name,
          act: asked.act,
          url,
          method: asked.method,
          path: asked.path,
          headers: { ...(await headersOf(call)), ...asked.headers },
          agent,
          idleTimeoutMs,
          ...(asked.body === undefined ? {} : { body: asked.body }),
          onSent: (bytes) => (sentBytes += asked.class === 'put' ? bytes : 0),
        },
        scope,
      )
      return { message, told: (bytes) => told(bytes ?? sentBytes, message.statusCode) }
    } catch (error) {
      told(sentBytes, undefined)
      throw error
    }
  }
  /** Resolves with an answer of success, or one that says "absent". */
  async function ask(asked: Asked, call: Call | undefined, scope: CallScope): Promise<Answer> {
    const answer = await attempt(asked, call, scope).catch((error: unknown) => {
      if (asked.once !== true && wasStale(error)) return attempt(asked, call, scope)
      throw error
    })
    const { message } = answer
    const { statusCode = 0 } = message
    if ((statusCode >= 200 && statusCode < 300) || isAbsent(message)) return answer
    try {
      throw await refusalOf(message, name, asked.act, scope)
    } finally {
      answer.told()
    }
  }
  /** The same with JSON as the answer. */
  async function askJson(asked: Asked, call: Call | undefined, scope: CallScope): Promise<unknown> {
    const { message, told } = await ask(asked, call, scope)
    try {
      if (isAbsent(message)) throw wayError(name, asked.act, 'bad-answer')
      return await readJson(message, name, asked.act, scope)
    } finally {
      told()
    }
  }
  async function within<Result>(scope: CallScope, run: () => Promise<Result>): Promise<Result> {
    try {
      return await run()
    } finally {
      scope.release()
    }
  }

  async function put(key: string, source: ByteSource, put: PutObjectOptions = {}): Promise<ObjectHead> {
    const scope = enter(key, put)
    return within(scope, async () => {
      if (!Number.isSafeInteger(source.sizeBytes) || source.sizeBytes < 0) {
        throw new MediaError('MEDIA_BAD_INPUT', `${name}: ${source.sizeBytes} is no length of a body`, {
          reason: 'size-mismatch',
        })
      }
      if (source.sizeBytes > traits.maxObjectBytes) {
        throw new MediaError('MEDIA_TOO_LARGE', `${name}: at most ${traits.maxObjectBytes} bytes are taken`)
      }
      const asked: Asked = {
        class: 'put',
        act: 'put()',
        method: 'PUT',
        path: formatObjectPath(bucketPath, key),
        headers: putHeaders(put),
        body: source,
        once: put.when !== undefined,
      }
      const head = parseObjectJson(await askJson(asked, put, scope))
      if (head?.key !== key) throw wayError(name, 'put()', 'bad-answer')
      return head
    })
  }

  async function get(
    key: string,
    get: Call & { readonly range?: ByteRange } = {},
  ): Promise<ObjectReader | undefined> {
    const scope = enter(key, get)
    try {
      const wanted = get.range === undefined ? undefined : clampRange(get.range, Number.MAX_SAFE_INTEGER)
      const { message, told } = await ask(
        {
          class: 'get',
          act: 'get()',
          method: 'GET',
          path: formatObjectPath(bucketPath, key),
          ...(wanted === undefined
            ? {}
            : { headers: { range: `bytes=${wanted.start}-${wanted.endExclusive - 1}` } }),
        },
        get,
        scope,
      )
      if (isAbsent(message)) {
        discard(message)
        told(0)
        scope.release()
        return undefined
      }
      const opened = openedOf(key, message, wanted)
      if (opened === undefined) {
        message.destroy()
        told(0)
        throw wayError(name, 'get()', 'bad-answer')
      }
      openCount += 1
      return createHttpReader(message, {
        name,
        ...opened,
        scope,
        idleTimeoutMs,
        onFreed(bytes) {
          openCount -= 1
          told(bytes)
        },
      })
    } catch (error) {
      scope.release()
      throw error
    }
  }

  async function head(key: string, call?: Call): Promise<ObjectHead | undefined> {
    const scope = enter(key, call)
    return within(scope, async () => {
      const path = formatObjectPath(bucketPath, key)
      const { message, told } = await ask({ class: 'head', act: 'head()', method: 'HEAD', path }, call, scope)
      discard(message)
      told(0)
      if (isAbsent(message)) return undefined
      const found = parseObjectHead(key, message.headers, lengthOf(message))
      if (found === undefined) throw wayError(name, 'head()', 'bad-answer')
      return found
    })
  }

  async function deleteObject(key: string, call?: Call): Promise<void> {
    const scope = enter(key, call)
    await within(scope, async () => {
      const path = formatObjectPath(bucketPath, key)
      const { message, told } = await ask(
        { class: 'delete', act: 'delete()', method: 'DELETE', path },
        call,
        scope,
      )
      discard(message)
      told(0)
      // Any server may answer 200 to anything; only this one says that nothing is left to say.
      if (message.statusCode !== 204) throw wayError(name, 'delete()', 'bad-answer')
    })
  }

  async function deleteMany(keys: readonly string[], call?: Call): Promise<readonly DeleteResult[]> {
    const scope = scopeOf(call)
    return within(scope, async () => {
      const answers = keys.map((key): DeleteResult => {
        try {
          checkObjectKey(name, key, traits.maxKeyBytes)
          return { key }
        } catch (error) {
          return { key, error: toError(error) }
        }
      })
      const good = answers.flatMap(({ error }, index) => (error === undefined ? [index] : []))
      for (const batch of batchesOf(good, (index) => keys[index] ?? '')) {
        const sent = batch.map((index) => keys[index] ?? '')
        const results = await deleteBatch(sent, call, scope)
        for (const [at, index] of batch.entries()) {
          const error = results[at]
          if (error !== undefined) answers[index] = { key: keys[index] ?? '', error }
        }
      }
      return answers
    })
  }
  async function deleteBatch(
    keys: readonly string[],
    call: Call | undefined,
    scope: CallScope,
  ): Promise<readonly (Error | undefined)[]> {
    const bytes = Buffer.from(JSON.stringify({ keys }))
    const json = await askJson(
      {
        class: 'delete',
        act: 'deleteMany()',
        method: 'POST',
        path: `${bucketPath}?delete`,
        headers: { 'content-type': 'application/json' },
        body: bytesSource(bytes),
      },
      call,
      scope,
    )
    const results: unknown = isRecord(json) ? json['results'] : undefined
    if (!Array.isArray(results) || results.length !== keys.length)
      throw wayError(name, 'deleteMany()', 'bad-answer')
    return results.map((result: unknown, index) => {
      if (!isRecord(result) || result['key'] !== keys[index])
        throw wayError(name, 'deleteMany()', 'bad-answer')
      return result['error'] === undefined ? undefined : deleteError(result['error'])
    })
  }
  function deleteError(error: unknown): MediaError {
    const { code, reason } = isRecord(error) ? error : {}
    const known = typeof code === 'string' && Object.hasOwn(MEDIA_ERRORS, code)
    return new MediaError(known ? (code as MediaErrorCode) : 'MEDIA_UNAVAILABLE', `${name}: not deleted`, {
      ...(typeof reason === 'string' ? { reason } : {}),
    })
  }

  async function list(list: Parameters<ObjectStore['list']>[0] = {}): ReturnType<ObjectStore['list']> {
    const scope = scopeOf(list)
    return within(scope, async () => {
      const { prefix, cursor, limit } = list
      const query = new URLSearchParams({
        ...(prefix === undefined || prefix === '' ? {} : { prefix }),
        ...(cursor === undefined ? {} : { after: cursor }),
        ...(limit === undefined ? {} : { limit: String(limit) }),
      }).toString()
      const path = query === '' ? bucketPath : `${bucketPath}?${query}`
      const json = await askJson({ class: 'list', act: 'list()', method: 'GET', path }, list, scope)
      const { objects, after } = isRecord(json) ? json : {}
      if (!Array.isArray(objects) || (after !== undefined && typeof after !== 'string'))
        throw wayError(name, 'list()', 'bad-answer')
      const heads = objects.map((one: unknown) => {
        const found = parseObjectJson(one)
        if (found === undefined) throw wayError(name, 'list()', 'bad-answer')
        return found
      })
      return { objects: heads, ...(after === undefined ? {} : { cursor: after }) }
    })
  }

  async function close(): Promise<void> {
    if (closing.signal.aborted) return
    closing.abort(new MediaError('MEDIA_CLOSED', `${name}: the store is closed`))
    if (options.agent === undefined) agent.destroy()
  }

  return {
    name,
    traits,
    get openCount() {
      return openCount
    },
    put,
    get,
    head,
    delete: deleteObject,
    deleteMany,
    list,
    close,
    [Symbol.asyncDispose]: close,
    async open() {
      await list({ limit: 1, context: { cause: 'probe' } })
    },
    observe(listener) {
      const own = (attempt: StoreAttempt): void => listener(attempt) // the same listener may be added twice
      listeners.add(own)
      return () => void listeners.delete(own)
    },
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
