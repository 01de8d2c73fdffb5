import { stat } from 'node:fs/promises'
import {
  type Catalog,
  type Clock,
  checkExternal,
  checkLease,
  checkLeaveCopies,
  checkLedgerDays,
  checkLedgerEntries,
  checkMoveClaim,
  checkMoveOutcome,
  checkNewMoves,
  checkSpend,
  checkSpendReturn,
  type LinkTarget,
  type MediaQuery,
  type OptionNames,
  type PortableMedia,
  refuseUnknown,
} from '@mediakeep/core'
import { createDatabase, type Database, versionOf } from './database.ts'
import { loadDriver, type SqliteConnection, type SqliteDriverName } from './driver.ts'
import { catalogError } from './errors.ts'
import { checkFile, checkSameFile } from './file-checks.ts'
import { storeId } from './ids.ts'
import { createRecordMemo } from './memo.ts'
import { copiesOf } from './reads/copies.ts'
import { linkedRecords, listRecords } from './reads/list.ts'
import { readRecord } from './reads/load.ts'
import { recordOf } from './reads/record.ts'
import { readChunkSums, readVolumeUsage } from './reads/usage.ts'
import { heldContents, verdictOf } from './reads/verdicts.ts'
import { createReadPlace, isOnePosting } from './reads/where.ts'
import { closedError, startThread, type ThreadClient } from './threads/client.ts'
import { connect } from './threads/connect.ts'
import type { ThreadSetup } from './threads/protocol.ts'
import { createTurnVersion } from './turn-version.ts'
import { isSessionLive, listSessions } from './writes/sessions.ts'
import { getSession } from './writes/uploads.ts'
import { listVolumes } from './writes/volumes.ts'

export interface SqliteCatalogOptions {
  /** The database file, on a local disk; its folder is made when it is missing. Beside it lie `-wal` and `-shm`. */
  readonly file: string
  /** Forces a driver. Default: better-sqlite3 where it works, else `node:sqlite`. */
  readonly driver?: SqliteDriverName
  /** Records remembered for `get` and for pages in process, until anybody commits. Default 10,000; 0 for none. */
  readonly maxMemoRecords?: number
  /** How long a write waits for other processes before it fails with MEDIA_BUSY. Default 30,000. */
  readonly busyMs?: number
  /** False gives every write a transaction of its own: for measuring. Default true. */
  readonly groupCommit?: boolean
  /**
   * Where lists run. `auto` (default): short ones in process while the database is in memory, all others in a thread
   * of their own, so that a long search or a cold disk never stalls the event loop. The others force one place.
   */
  readonly lists?: 'auto' | 'thread' | 'process'
  /** Moves the catalog's clock, for tests. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>
}

const OPTIONS: OptionNames<SqliteCatalogOptions> = {
  file: true,
  driver: true,
  maxMemoRecords: true,
  busyMs: true,
  groupCommit: true,
  lists: true,
  clock: true,
}

const MAX_MEMO_RECORDS = 10_000
const BUSY_MS = 30_000
/** In process a wait blocks the event loop. A reader waits only while a crashed writer's log is recovered. */
const READ_BUSY_MS = 1_000

interface Opened {
  readonly connection: SqliteConnection
  readonly database: Database
  readonly writer: ThreadClient
  readonly reader: ThreadClient
  /** Of the file that all of them have open. */
  readonly inode: number
}

/**
 * A catalog in one SQLite file. Writes run in a thread with group commit, point reads and short lists in
 * process, long ones in a second thread. Several processes may share the file. Durable: what `commitContent` answered survives a power cut.
 * @throws MediaError MEDIA_BAD_INPUT `unknown-option`; at `open`: MEDIA_UNSUPPORTED `no-sqlite-driver` | `layout-newer` | `network-file-system`,
 * MEDIA_UNAVAILABLE `catalog-not-writable`, MEDIA_CORRUPT `catalog-corrupt`.
 * @see docs/design/0004-sqlite-catalog.md
 */
export function sqliteCatalog(options: SqliteCatalogOptions): Catalog {
  refuseUnknown('sqliteCatalog', options, OPTIONS)
  const offsetMs = (): number => (options.clock === undefined ? 0 : options.clock.now() - Date.now())
  const memo = createRecordMemo(options.maxMemoRecords ?? MAX_MEMO_RECORDS)
  const turn = createTurnVersion()
  const place = createReadPlace()
  let opening: Promise<Opened> | undefined
  let opened: Opened | undefined
  let closing: Promise<void> | undefined

  const open = async (): Promise<Opened> => {
    await checkFile(options.file)
    const driver = await loadDriver(options.driver)
    const setup: Omit<ThreadSetup, 'role'> = {
      file: options.file,
      driver: driver.name,
      groupCommit: options.groupCommit ?? true,
      busyMs: options.busyMs ?? BUSY_MS,
    }
    const writer = await startThread({ ...setup, role: 'writer' }, offsetMs)
    let reader: ThreadClient | undefined
    try {
      reader = await startThread({ ...setup, role: 'reader' }, offsetMs)
      const connection = connect(driver, options.file, { readOnly: true, busyMs: READ_BUSY_MS })
      const { ino: inode } = await stat(options.file)
      return { connection, database: createDatabase(connection), writer, reader, inode }
    } catch (error) {
      await reader?.close()
      await writer.close()
      throw error
    }
  }
  const close = async (): Promise<void> => {
    const last = opened ?? (await opening?.catch(() => undefined))
    opened = undefined
    if (last === undefined) return
    last.connection.close()
    await last.reader.close()
    // Last: it folds the log into the file, and removes it where no other process has it open.
    await last.writer.close()
  }

  const use = (): Opened => {
    if (opened === undefined) throw closedError()
    return opened
  }
  const read = async <T>(act: string, from: (database: Database) => T): Promise<T> => {
    const { database } = use()
    try {
      return from(database)
    } catch (error) {
      throw catalogError(act, error)
    }
  }
  const isHere = (isShort: boolean, records: number): boolean => {
    if (options.lists !== undefined && options.lists !== 'auto') return options.lists === 'process'
    return isShort && place.isInProcess(records)
  }
  const catalog: Catalog = {
    name: 'sqlite',
    async open() {
      if (closing !== undefined) throw closedError()
      opening ??= open()
      try {
        opened = await opening
      } catch (error) {
        opening = undefined
        throw error
      }
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => catalog.close(),

    async registerVolume(volume) {
      await use().writer.call('registerVolume', volume)
    },
    listVolumes: () => read('list volumes', listVolumes),

    beginSession: async (input) => use().writer.call('beginSession', input),
    async extendSession(session, to) {
      checkLease(to)
      return use().writer.call('extendSession', { session, to })
    },
    endSession: async (session, keep) =>
      use().writer.call('endSession', { session, ...(keep === undefined ? {} : { keep }) }),
    listSessions: (namespace) => read('list sessions', (database) => listSessions(database, namespace)),
    isSessionLive: (id) =>
      read('look at a session', (database) => isSessionLive(database, id, Date.now() + offsetMs())),
    getSession: (id) => read('look at an upload', (database) => getSession(database, id)),
    async claimSession(id, claim) {
      checkLease(claim)
      return use().writer.call('claimSession', { id, claim })
    },
    verdictOf: (domain, digest) =>
      read('look at a verdict', (database) => verdictOf(database, domain, digest)),
    heldContents: (mediaId) => read('look at what is held', (database) => heldContents(database, mediaId)),
    async settleVerdict(blobId, verdict, contents) {
      const { texts, ...rest } = await use().writer.call('settleVerdict', { blobId, verdict, contents })
      return { records: texts.map(recordOf), ...rest }
    },
    listUnscanned: async (options) => use().reader.call('listUnscanned', options),

    stagePlacement: async (input) =>
      use().writer.call('stagePlacement', { ...input, chunkSums: ownBuffer(input.chunkSums) }),
    async commitContent(input) {
      const { text, created, redundant } = await use().writer.call('commitContent', input)
      return { record: recordOf(text), created, redundant }
    },

    get: (namespace, ref) =>
      read('get', (database) =>
        readRecord(
          database,
          namespace,
          ref,
          memo,
          turn.read(() => versionOf(database)),
        ),
      ),
    chunkSums: (blobId) => read('read chunk sums', (database) => readChunkSums(database, storeId(blobId))),
    update: async (namespace, ref, change, given = {}) =>
      recordOf(await use().writer.call('updateRecord', { namespace, ref, change, ...given })),
    async delete(namespace, ref, given = {}) {
      const text = await use().writer.call('deleteRecord', { namespace, ref, ...given })
      return text === undefined ? undefined : recordOf(text)
    },
    link: async (namespace, ref, target) =>
      recordOf(await use().writer.call('linkRecord', { namespace, ref, target })),
    unlink: async (namespace, ref, target) =>
      recordOf(await use().writer.call('unlinkRecord', { namespace, ref, target })),
    async list(namespace, query) {
      if (isHere(isOnePosting(query), query.limit ?? 1))
        return read('list', (database) => place.run(() => listRecords(database, namespace, query, memo)))
      const { records, ...rest } = await use().reader.call('list', { namespace, query: plainQuery(query) })
      return { ...rest, records: records.map(recordOf) }
    },
    async linked(namespace, targets, limitPerTarget) {
      if (isHere(true, targets.length * limitPerTarget))
        return read('list', (database) =>
          place.run(() => linkedRecords(database, namespace, targets, limitPerTarget, memo)),
        )
      const asked = { namespace, targets: targets.map(plainTarget), limitPerTarget }
      const found = await use().reader.call('linked', asked)
      return found.map((texts) => texts.map(recordOf))
    },
    usage: async (namespace, by) => use().reader.call('usage', { namespace, by }),
    volumeUsage: () => read('read usage', readVolumeUsage),

    markBad: async (placementId) => use().writer.call('markBad', placementId),
    condemn: async (given) => use().writer.call('condemn', given),
    claimGarbage: async (given) => use().writer.call('claimGarbage', given),
    dropPlacements: async (ids) => use().writer.call('dropPlacements', ids),
    expireSessions: async (given) => use().writer.call('expireSessions', given),

    planGarbage: async ({ graceMs }) =>
      use().reader.call('planGarbage', { graceMs, nowMs: Date.now() + offsetMs() }),
    async recheckBlobs(options) {
      const { suspects, ...page } = await use().reader.call('recheckPage', options)
      const found = suspects.length === 0 ? 0 : await use().writer.call('markSuspects', suspects)
      return { ...page, found }
    },
    leaveOrphans: async (volumeId, objects) => use().writer.call('leaveOrphans', { volumeId, objects }),
    unknownKeys: async (volumeId, keys) => use().reader.call('unknownKeys', { volumeId, keys }),

    listCopies: async (options) => use().reader.call('listCopies', options),
    markVerified: async (ids) => use().writer.call('markVerified', ids),
    listThinBlobs: async (options) => use().reader.call('listThinBlobs', options),
    copiesOf: (blobId) => read('read copies', (database) => copiesOf(database, storeId(blobId))),
    async stageCopy(input) {
      checkLease(input)
      return use().writer.call('stageCopy', input)
    },
    commitCopy: async (input) => use().writer.call('commitCopy', input),

    async leaveCopies(placementIds, options) {
      checkLeaveCopies(options)
      return use().writer.call('leaveCopies', { placementIds, options })
    },
    async planMoves(moves) {
      checkNewMoves(moves)
      return use().writer.call('planMoves', moves)
    },
    async claimMoves(options) {
      checkMoveClaim(options)
      return use().writer.call('claimMoves', options)
    },
    async settleMove({ id, fence }, outcome) {
      checkMoveOutcome(outcome)
      await use().writer.call('settleMove', { move: { id, fence }, outcome })
    },
    withdrawMoves: async (ids) => use().writer.call('withdrawMoves', ids),
    listMoves: async (options) => use().reader.call('listMoves', options),

    async registerExternal(input) {
      checkExternal(input)
      return use().writer.call('registerExternal', input)
    },
    listExternal: async (volumeId, options) => use().reader.call('listExternal', { volumeId, ...options }),
    forgetExternal: async (volumeId, objects) => use().writer.call('forgetExternal', { volumeId, objects }),
    learnDigest: async (blobId, learned) =>
      use().writer.call('learnDigest', {
        blobId,
        learned: { ...learned, chunkSums: ownBuffer(learned.chunkSums) },
      }),

    async addToLedger(entries) {
      checkLedgerEntries(entries)
      await use().writer.call('addToLedger', entries)
    },
    async ledger(days) {
      checkLedgerDays(days)
      return use().reader.call('ledger', days)
    },
    async reserveSpend(options) {
      checkSpend(options)
      return use().writer.call('reserveSpend', options)
    },
    async returnSpend(options) {
      checkSpendReturn(options)
      await use().writer.call('returnSpend', options)
    },

    exportMedia: async (options) => use().reader.call('exportMedia', options),
    importMedia: async (media) => use().writer.call('importMedia', media.map(ownBuffers)),

    async ping() {
      const { writer, inode } = use()
      await checkSameFile(options.file, inode)
      await writer.call('ping', undefined)
    },
  }
  return catalog
}

/** A view into a larger buffer would be sent with all of it. */
function ownBuffer(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}

function ownBuffers(media: PortableMedia): PortableMedia {
  const { chunkSums } = media.blob
  return chunkSums === undefined
    ? media
    : { ...media, blob: { ...media.blob, chunkSums: ownBuffer(chunkSums) } }
}

/** A query without what cannot cross a thread. */
function plainQuery({
  signal: _signal,
  context: _context,
  deadlineAt: _deadlineAt,
  ...query
}: MediaQuery): MediaQuery {
  return query
}

const plainTarget = ({ kind, target }: LinkTarget): LinkTarget => ({ kind, target })
