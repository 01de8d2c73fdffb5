import { createHash, randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { Readable } from 'node:stream'
import {
  type ByteRange,
  type Call,
  checkObjectKey,
  clampRange,
  createObjectReader,
  destroyOnAbort,
  MediaError,
  type ObjectHead,
  type ObjectStore,
  openCallScope,
  type StoreTraits,
  systemClock,
} from '@mediakeep/core'

/** What the sample stores in: imagine a table of some database. */
export type Rows = Map<string, { readonly head: ObjectHead; readonly bytes: Buffer }>

const traits: StoreTraits = {
  maxObjectBytes: 16 * 1024 * 1024,
  maxKeyBytes: 512,
  minPartBytes: 0,
  paid: false,
  shared: true,
  durability: 'none',
  conditionalPut: 'enforced',
  retries: false,
  listOrder: 'key',
}

/** Piece by piece, so that a slow reader holds little, and copied, so that it cannot change what is stored. */
function* copies(bytes: Buffer, { start, endExclusive }: ByteRange): Generator<Buffer> {
  for (let at = start; at < endExclusive; at += 65_536)
    yield Buffer.from(bytes.subarray(at, Math.min(at + 65_536, endExclusive)))
}

export function rowStore(rows: Rows): ObjectStore {
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  // One signal per call: the caller's, its deadline, and the end of the store.
  const enter = (call?: Call) => openCallScope(call, systemClock, closing.signal)
  const checkKey = (key: string): void => checkObjectKey('rows', key, traits.maxKeyBytes)
  const find = async (key: string, call?: Call) => {
    enter(call).release()
    checkKey(key)
    return rows.get(key)
  }

  const store: ObjectStore = {
    name: 'rows',
    traits,
    async put(key, source, options = {}) {
      const scope = enter(options)
      try {
        checkKey(key)
        if (source.sizeBytes > traits.maxObjectBytes)
          throw new MediaError('MEDIA_TOO_LARGE', 'rows: too large')
        const stream = source.open({ signal: scope.signal })
        destroyOnAbort(stream, scope.signal)
        const chunks: Uint8Array[] = []
        let receivedBytes = 0
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          chunks.push(chunk)
          receivedBytes += chunk.byteLength
          if (receivedBytes > source.sizeBytes) break // leaving the loop ends the stream
        }
        scope.check()
        const bytes = Buffer.concat(chunks) // a copy: nobody else can change it
        if (bytes.byteLength !== source.sizeBytes)
          throw new MediaError('MEDIA_BAD_INPUT', 'rows: wrong length')
        const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
        if (options.checksum !== undefined && digest !== options.checksum)
          throw new MediaError('MEDIA_DIGEST_MISMATCH', 'rows: other bytes')
        // From here to the end nothing waits: check and write are one step. A database would do both in one statement.
        const { when, contentType, metadata } = options
        const etag = rows.get(key)?.head.etag
        if (when !== undefined && etag !== (when.type === 'match' ? when.etag : undefined))
          throw new MediaError('MEDIA_PRECONDITION', 'rows: changed meanwhile')
        const head: ObjectHead = {
          key,
          sizeBytes: bytes.byteLength,
          etag: randomUUID(),
          modifiedAt: new Date(),
          ...(contentType === undefined ? {} : { contentType }),
          ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
        }
        rows.set(key, { head, bytes })
        return head
      } catch (error) {
        scope.check() // what an abort made of the stream is not the reason
        throw error
      } finally {
        scope.release()
      }
    },
    async get(key, options = {}) {
      const row = await find(key, options)
      if (row === undefined) return undefined
      const range = clampRange(options.range, row.head.sizeBytes)
      const scope = enter(options)
      const open = (): Readable => Readable.from(copies(row.bytes, range), { objectMode: false })
      return createObjectReader({ head: row.head, range, scope, open })
    },
    head: async (key, call) => (await find(key, call))?.head,
    async delete(key, call) {
      await find(key, call)
      rows.delete(key)
    },
    async deleteMany(keys, call) {
      enter(call).release()
      const one = async (key: string) =>
        store.delete(key, call).then(
          () => ({ key }),
          (error: unknown) => ({ key, error: error instanceof Error ? error : new Error(String(error)) }),
        )
      return Promise.all(keys.map(one))
    },
    async list({ prefix = '', cursor, limit = 1000, ...call } = {}) {
      enter(call).release()
      const after = cursor === undefined ? '' : Buffer.from(cursor, 'base64url').toString()
      const forged =
        cursor !== undefined && (after === '' || Buffer.from(after).toString('base64url') !== cursor)
      if (forged || !(Number.isInteger(limit) && limit >= 1 && limit <= 1000))
        throw new MediaError('MEDIA_BAD_INPUT', 'rows: cursor or limit')
      const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
      const keys = [...rows.keys()]
        .filter((key) => key.startsWith(prefix) && order(key, after) > 0)
        .sort(order)
      const objects = keys.slice(0, limit).flatMap((key) => rows.get(key)?.head ?? [])
      const last = objects.at(-1)?.key ?? ''
      return keys.length > limit ? { objects, cursor: Buffer.from(last).toString('base64url') } : { objects }
    },
    async close() {
      closing.abort(new MediaError('MEDIA_CLOSED', 'rows: the store is closed'))
    },
    [Symbol.asyncDispose]: () => store.close(),
  }
  return store
}
