import type { Catalog, CatalogPage, MediaRecord, MemoryTables } from '@mediakeep/core'
import { NAMESPACES } from '../context.ts'

/** A catalog that keeps every promise but one: the kit must notice. */
export interface CatalogMutant {
  readonly id: string
  /** What it does wrong. */
  readonly breaks: string
  /** Cases that convict it, by id. Every case of the kit stands with some mutant. */
  readonly convicts: readonly string[]
  /** @param tables what is behind the catalog, for faults that no wrapper can make */
  mutate(catalog: Catalog, tables: MemoryTables): Catalog
}

export type Mutation = CatalogMutant['mutate']

export function mutant(
  id: string,
  breaks: string,
  convicts: readonly string[],
  mutate: Mutation,
): CatalogMutant {
  return { id, breaks, convicts, mutate }
}

/** The catalog with some members in place of its own. */
export function withMembers(inner: Catalog, members: Partial<Catalog>): Catalog {
  const plain: Catalog = {
    name: inner.name,
    open: () => inner.open(),
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    registerVolume: (volume) => inner.registerVolume(volume),
    listVolumes: () => inner.listVolumes(),
    beginSession: (input) => inner.beginSession(input),
    extendSession: (session, to) => inner.extendSession(session, to),
    endSession: (session, keep) => inner.endSession(session, keep),
    listSessions: (namespace) => inner.listSessions(namespace),
    isSessionLive: (id) => inner.isSessionLive(id),
    getSession: (id) => inner.getSession(id),
    claimSession: (id, claim) => inner.claimSession(id, claim),
    verdictOf: (domain, digest) => inner.verdictOf(domain, digest),
    heldContents: (mediaId) => inner.heldContents(mediaId),
    settleVerdict: (blobId, verdict, contents) => inner.settleVerdict(blobId, verdict, contents),
    listUnscanned: (options) => inner.listUnscanned(options),
    stagePlacement: (input) => inner.stagePlacement(input),
    commitContent: (input) => inner.commitContent(input),
    get: (namespace, ref) => inner.get(namespace, ref),
    chunkSums: (blobId) => inner.chunkSums(blobId),
    update: (namespace, ref, change, options) => inner.update(namespace, ref, change, options),
    delete: (namespace, ref, options) => inner.delete(namespace, ref, options),
    link: (namespace, ref, target) => inner.link(namespace, ref, target),
    unlink: (namespace, ref, target) => inner.unlink(namespace, ref, target),
    list: (namespace, query) => inner.list(namespace, query),
    linked: (namespace, targets, limit) => inner.linked(namespace, targets, limit),
    usage: (namespace, by) => inner.usage(namespace, by),
    volumeUsage: () => inner.volumeUsage(),
    markBad: (placementId) => inner.markBad(placementId),
    condemn: (options) => inner.condemn(options),
    claimGarbage: (options) => inner.claimGarbage(options),
    dropPlacements: (ids) => inner.dropPlacements(ids),
    expireSessions: (options) => inner.expireSessions(options),
    planGarbage: (options) => inner.planGarbage(options),
    recheckBlobs: (options) => inner.recheckBlobs(options),
    leaveOrphans: (volumeId, objects) => inner.leaveOrphans(volumeId, objects),
    unknownKeys: (volumeId, keys) => inner.unknownKeys(volumeId, keys),
    listCopies: (options) => inner.listCopies(options),
    markVerified: (placementIds) => inner.markVerified(placementIds),
    listThinBlobs: (options) => inner.listThinBlobs(options),
    copiesOf: (blobId) => inner.copiesOf(blobId),
    stageCopy: (input) => inner.stageCopy(input),
    commitCopy: (input) => inner.commitCopy(input),
    leaveCopies: (placementIds, options) => inner.leaveCopies(placementIds, options),
    planMoves: (moves) => inner.planMoves(moves),
    claimMoves: (options) => inner.claimMoves(options),
    settleMove: (move, outcome) => inner.settleMove(move, outcome),
    withdrawMoves: (ids) => inner.withdrawMoves(ids),
    listMoves: (options) => inner.listMoves(options),
    registerExternal: (input) => inner.registerExternal(input),
    listExternal: (volumeId, options) => inner.listExternal(volumeId, options),
    forgetExternal: (volumeId, objects) => inner.forgetExternal(volumeId, objects),
    learnDigest: (blobId, learned) => inner.learnDigest(blobId, learned),
    addToLedger: (entries) => inner.addToLedger(entries),
    ledger: (days) => inner.ledger(days),
    reserveSpend: (options) => inner.reserveSpend(options),
    returnSpend: (options) => inner.returnSpend(options),
    exportMedia: (options) => inner.exportMedia(options),
    importMedia: (media) => inner.importMedia(media),
    ping: () => inner.ping(),
  }
  return { ...plain, ...members }
}

/** Shows every record otherwise than it is, wherever records are shown. */
export function withRecords(inner: Catalog, show: (record: MediaRecord) => MediaRecord): Catalog {
  const page = (found: CatalogPage): CatalogPage => ({ ...found, records: found.records.map(show) })
  return withMembers(inner, {
    async get(namespace, ref) {
      const record = await inner.get(namespace, ref)
      return record === undefined ? undefined : show(record)
    },
    async commitContent(input) {
      const committed = await inner.commitContent(input)
      return { ...committed, record: show(committed.record) }
    },
    update: async (namespace, ref, change, options) =>
      show(await inner.update(namespace, ref, change, options)),
    async delete(namespace, ref, options) {
      const record = await inner.delete(namespace, ref, options)
      return record === undefined ? undefined : show(record)
    },
    link: async (namespace, ref, target) => show(await inner.link(namespace, ref, target)),
    unlink: async (namespace, ref, target) => show(await inner.unlink(namespace, ref, target)),
    list: async (namespace, query) => page(await inner.list(namespace, query)),
    linked: async (namespace, targets, limit) =>
      (await inner.linked(namespace, targets, limit)).map((records) => records.map(show)),
  })
}

/** An object without one member. */
export function without<T extends object, K extends keyof T>(value: T, name: K): Omit<T, K> {
  const { [name]: _, ...rest } = value
  return rest
}

/** The namespace in which a record is found, whoever asks. */
export async function namespaceOfId(catalog: Catalog, id: string): Promise<string | undefined> {
  for (const namespace of NAMESPACES) if ((await catalog.get(namespace, id)) !== undefined) return namespace
  return undefined
}
