import { isObjectChanged } from '../cas/external-object.ts'
import type { Digest } from '../contracts/bytes.ts'
import type { Call } from '../contracts/call.ts'
import type { MediaRecord } from '../contracts/catalog.ts'
import type { Availability, Media, MediaQuery, MediaRef, OpenOptions } from '../contracts/media.ts'
import type { ListAllQuery, MediaReader, MediaStore, Upkeep } from '../contracts/media-store.ts'
import { CLOSE_GRACE_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { parseCondition, parseOwner, parseRef, parseVisibility } from '../ingest/put-options.ts'
import type { SharedTiering } from '../moves/index.ts'
import {
  cleanFilename,
  parseLinkTarget,
  parseMediaKey,
  parseMetadata,
  parseTags,
  parseTargets,
} from '../names/index.ts'
import { refuseUnknown } from '../options/unknown-option.ts'
import { pagesOf } from '../pages.ts'
import { createUploads } from '../uploads/sessions.ts'
import { signUpload, verifySignedUpload } from '../uploads/signed-upload.ts'
import { availabilityOf, whereIs } from './availability.ts'
import { callSignal } from './call-signal.ts'
import { directUrl } from './direct-url.ts'
import type { Engine } from './engine.ts'
import { healthOf } from './health.ts'
import { openContent, openInMemory, unreadable } from './open.ts'
import { CHANGE, DELETE, LIST, LIST_ALL, OPEN, SIGN, UPDATE } from './option-names.ts'
import { admitPut, checkBusy, put } from './put.ts'
import { parseQuery } from './query.ts'
import { recheckCopies } from './recheck.ts'
import { release } from './release.ts'
import { rescan } from './rescan.ts'
import { signUrl, verifySignedUrl } from './signed-url.ts'
import { recordOf, snapshotOf } from './snapshot.ts'
import { warmUnread } from './warm-unread.ts'
import { nameOf } from './watch.ts'

const NAMESPACE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const DEFAULT_LINKED_LIMIT = 50

/** What the views of all namespaces share beside the engine. */
export interface Shared {
  readonly upkeep: Upkeep
  readonly tiering: SharedTiering
  close(graceMs: number): Promise<void>
}

/** The store as one namespace sees it. */
export function createView(engine: Engine, shared: Shared, namespace: string): MediaStore {
  // `test` would make text of what is none: a tenant that is not known must not become one named "undefined".
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      'a namespace has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit',
      { reason: 'bad-namespace' },
    )
  }
  const { catalog } = engine

  const call = <T>(options: Call, work: () => Promise<T>): Promise<T> => {
    // Reading a record takes microseconds: only calls that can be ended early pay for a scope.
    if (options.signal === undefined && options.deadlineAt === undefined) {
      engine.activity.checkOpen()
      return work()
    }
    return callSignal(engine, options, work)
  }
  const found = (record: MediaRecord | undefined): MediaRecord => {
    if (record === undefined)
      throw new MediaError('MEDIA_ABSENT', 'there is no such media', { reason: 'unknown' })
    return record
  }
  const get = async (ref: MediaRef): Promise<MediaRecord | undefined> => {
    const record = await catalog.get(namespace, parseRef(ref))
    if (record === undefined) engine.tiers.absent()
    return record
  }

  const open = async (ref: MediaRef | Media, options: OpenOptions): Promise<MediaReader> => {
    engine.activity.checkOpen()
    refuseUnknown('open', options, OPEN)
    options.signal?.throwIfAborted()
    const given = typeof ref === 'object' && ref !== null && 'id' in ref ? ref : undefined
    const record =
      (given === undefined ? undefined : recordOf(given)) ??
      found(await get(given === undefined ? (ref as MediaRef) : given.id))
    // A copy of a snapshot, from a message or a cache, is asked for by id: what serves now may be something else.
    if (given !== undefined && !isContentOf(record, given.contentNumber, given.digest)) throw snapshotGone()
    let changed: MediaError | undefined
    const reader =
      openInMemory(engine, record, options) ??
      (await openContent(engine, record, options).catch((error: unknown) => {
        if (!isObjectChanged(error)) throw error
        changed = error
      }))
    if (reader !== undefined) return reader
    // Placements move: what the record said may be old. Ask once more before calling bytes lost.
    const again = await catalog.get(namespace, record.id)
    const { number, digest } = record.content
    const isSame = again !== undefined && isContentOf(again, number, digest)
    if (given !== undefined && !isSame) throw snapshotGone()
    if (changed !== undefined && isSame) throw changed
    return (await openContent(engine, found(again), options)) ?? Promise.reject(unreadable(record.content))
  }

  const page = async (query: MediaQuery): Promise<{ items: readonly Media[]; nextCursor?: string }> => {
    const { records, nextCursor } = await catalog.list(namespace, query)
    return { items: records.map(snapshotOf), ...(nextCursor === undefined ? {} : { nextCursor }) }
  }
  const changed = async (record: MediaRecord, context: Call['context']): Promise<Media> => {
    await engine.journal.changed(record)
    engine.emit({
      type: 'media.updated',
      at: new Date(engine.clock.now()),
      namespace,
      mediaId: record.id,
      ...(record.key === undefined ? {} : { key: record.key }),
      revision: record.revision,
      ...(context === undefined ? {} : { context }),
    })
    return snapshotOf(record)
  }
  const uploads = createUploads(engine.uploads, namespace, {
    call: (options, work) => callSignal(engine, options, work),
    upload: (options, work) => {
      checkBusy(engine)
      return callSignal(engine, options, work, 'upload')
    },
  })

  const store: MediaStore = {
    namespace,
    put: (body, options = {}) => put(engine, namespace, body, options),
    admit: (options) => admitPut(engine, namespace, options),
    open: (ref, options = {}) => open(ref, options),
    stat: (ref, options = {}) =>
      call(options, async () => {
        const record = await get(ref)
        return record === undefined ? undefined : snapshotOf(record)
      }),
    update: (ref, change, options = {}) =>
      call(options, async () => {
        refuseUnknown('update', options, UPDATE)
        refuseUnknown('a change of update', change, CHANGE)
        const { key, filename, owner, visibility, tags, metadata, links } = change
        const checked = {
          ...(key === null ? { key } : {}),
          ...(visibility === undefined ? {} : { visibility: parseVisibility(visibility) }),
          ...(key === undefined || key === null ? {} : { key: parseMediaKey(key) }),
          ...(filename === undefined ? {} : { filename: cleanFilename(filename) }),
          ...(owner === undefined ? {} : { owner: parseOwner(owner) }),
          ...(tags === undefined ? {} : { tags: parseTags(tags) }),
          ...(metadata === undefined ? {} : { metadata: parseMetadata(metadata) }),
          ...(links === undefined ? {} : { links: parseTargets(links) }),
        }
        const condition = options.ifRevision === undefined ? {} : { ifRevision: options.ifRevision }
        return changed(await catalog.update(namespace, parseRef(ref), checked, condition), options.context)
      }),
    delete: (ref, options = {}) =>
      call(options, async () => {
        refuseUnknown('delete', options, DELETE)
        const gone = await catalog.delete(
          namespace,
          parseRef(ref),
          options.when === undefined ? {} : { when: parseCondition(options.when) },
        )
        if (gone === undefined) return false
        await engine.journal.gone(gone)
        engine.emit({
          type: 'media.deleted',
          at: new Date(engine.clock.now()),
          namespace,
          mediaId: gone.id,
          ...(gone.key === undefined ? {} : { key: gone.key }),
          revision: gone.revision,
          ...(options.context === undefined ? {} : { context: options.context }),
        })
        return true
      }),
    list: (query = {}) =>
      call(query, async () => {
        refuseUnknown('list', query, LIST)
        return page(parseQuery(query))
      }),
    async *listAll(query: ListAllQuery = {}) {
      refuseUnknown('listAll', query, LIST_ALL)
      const wanted = parseQuery(query)
      const pages = pagesOf(async (from) => {
        const { items, nextCursor } = await call(query, () => page({ ...wanted, ...from, limit: 100 }))
        return { items, cursor: nextCursor }
      })
      for await (const { items } of pages) yield* items
    },
    linked: (targets, options = {}) =>
      call(options, async () => {
        const lists = await catalog.linked(
          namespace,
          parseTargets(targets),
          options.limitPerTarget ?? DEFAULT_LINKED_LIMIT,
        )
        return lists.map((records) => records.map(snapshotOf))
      }),
    link: (ref, target, options = {}) =>
      call(
        options,
        async () =>
          void (await changed(
            await catalog.link(namespace, parseRef(ref), parseLinkTarget(target)),
            options.context,
          )),
      ),
    unlink: (ref, target, options = {}) =>
      call(
        options,
        async () =>
          void (await changed(
            await catalog.unlink(namespace, parseRef(ref), parseLinkTarget(target)),
            options.context,
          )),
      ),
    async url(ref, options) {
      refuseUnknown('url', options, SIGN)
      const record = found(await get(ref))
      const direct = options.direct === true ? await directUrl(engine, record, options) : undefined
      return direct ?? signUrl(engine, namespace, record.id, options)
    },
    verifyUrl: (id, query) => verifySignedUrl(engine, namespace, id, query),
    get publicBaseUrl() {
      // A copy: addresses of all namespaces are made from this one.
      return engine.publicBaseUrl === undefined ? undefined : new URL(engine.publicBaseUrl)
    },
    signUpload: (uploadId, options) => signUpload(engine, namespace, uploadId, options),
    verifyUpload: (uploadId, query) => verifySignedUpload(engine, namespace, uploadId, query),
    locate: (ref, options = {}) =>
      call(options, async () => {
        const { statesWithinMs } = options
        const statesUntilMs = statesWithinMs === undefined ? undefined : engine.clock.now() + statesWithinMs
        const asked = parseRef(ref)
        const record = await get(asked)
        const names = [nameOf(namespace, asked)]
        if (record === undefined) return { media: undefined, availability: { state: 'missing' }, names }
        if (typeof asked !== 'string') names.push(nameOf(namespace, record.id))
        const { availability, place } = await whereIs(engine, record, statesUntilMs)
        return {
          media: snapshotOf(record),
          availability,
          names: [...names, record.content.blobId],
          ...(place === undefined ? {} : { place }),
        }
      }),
    recheck: (ref, options = {}) =>
      call(options, async () => {
        const record = await get(ref)
        if (record?.content.state !== 'active') return availabilityOf(engine, record)
        const isChanged = await recheckCopies(engine, record)
        return availabilityOf(engine, isChanged ? await get(record.id) : record)
      }),
    watch(listener, options) {
      engine.activity.checkOpen()
      return engine.states.subscribe(listener, options)
    },
    availability: (ref, options = {}) => call(options, async () => availabilityOf(engine, await get(ref))),
    release: (ref, options = {}) =>
      call(options, async () => {
        const record = found(await get(ref))
        await release(engine, record, options)
        return snapshotOf(found(await get(record.id)))
      }),
    rescan: (ref, options = {}) =>
      call(options, async () => {
        const record = found(await get(ref))
        await rescan(engine, record, options.signal)
        return snapshotOf(found(await get(record.id)))
      }),
    warm: (ref, options = {}) =>
      call(options, async () => {
        const record = await get(ref)
        const now = await availabilityOf(engine, record)
        if (record === undefined || now.state !== 'cold') return now
        if (record.content.digest === undefined) warmUnread(engine, record)
        else await engine.tiers.warm(record)
        const look = async (): Promise<Availability> => availabilityOf(engine, await get(ref))
        const after = await look()
        // Another may have ended its load between the record and the states.
        return after.state === 'cold' ? look() : after
      }),
    usage: (by, options = {}) => call(options, () => catalog.usage(namespace, by)),
    in: (other) => createView(engine, shared, other),
    uploads,
    tiers: {
      ...shared.tiering,
      importObjects: (options) => engine.external.importObjects(namespace, options),
      reconcile: (options) => engine.external.reconcile(namespace, options),
      hint: (options) => call(options, () => engine.external.hint(namespace, options)),
      followHints: (hints, options) => engine.external.followHints(namespace, hints, options),
      explain: (ref, options = {}) =>
        call(options, async () => shared.tiering.explain(found(await get(ref)))),
    },
    upkeep: shared.upkeep,
    health: () => healthOf(engine),
    events: () => engine.events.subscribe(),
    close: ({ graceMs = CLOSE_GRACE_MS } = {}) => shared.close(graceMs),
    [Symbol.asyncDispose]: () => shared.close(CLOSE_GRACE_MS),
  }
  return store
}

/** Bytes with a digest are told by it; those that nobody has read whole by the number of their content. */
function isContentOf({ content }: MediaRecord, number: number, digest: Digest | undefined): boolean {
  return digest === undefined ? content.number === number : content.digest === digest
}

function snapshotGone(): MediaError {
  return new MediaError('MEDIA_GONE', 'the bytes of this snapshot were replaced or deleted, and collected', {
    reason: 'snapshot-gone',
  })
}
