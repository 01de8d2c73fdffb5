/**
 * Objects as files.
 *
 * A put has to survive a crash at any moment, and a reader must never see half of one. Both follow from one order:
 *
 *   1 write the bytes to a temporary file in the shard's directory     nobody can find it under the key
 *   2 write the sidecar, sync it, sync the directory                   only when there is a content type or metadata
 *   3 fdatasync the file                                               bytes and length are on disk
 *   4 rename it to the object's name (or link, for "absent")           visible, in one step, with its sidecar
 *   5 fsync the shard's directory                                      the name is on disk
 *   6 acknowledge; then the caller writes its catalog row
 *
 * Why this order. 3 before 4: a file system may write a new name before the bytes it names; after a power cut there would be a
 * whole name over an empty file. 5 before 6: a rename is a change of a directory, and fsync of the file does not cover it; a sync of
 * the directory that began before the rename does not either, so one that is under way is never joined (dir-sync.ts). 6 last: the
 * catalog names only what is on disk. A crash between 5 and 6 leaves an object without a row, which garbage collection finds; a row
 * without an object cannot come about. Shards are all made and synced before the first put: making one would need its own sync of
 * the parent, which is the step that others forget.
 *
 * When a sync fails, the kernel may have dropped the pages and a second sync of the same descriptor would answer "done". So the put
 * fails, its file is thrown away, and whoever tries again writes a new file.
 *
 * Levels: `durable` does all; `file` leaves out 5, unless a sidecar of what was replaced goes after it: after a power cut an object
 * is whole or absent, and nothing is lost when only the process dies; `none` leaves out every sync.
 *
 * Deleting goes the other way round: the caller's row goes first or says "leaving", then the bytes.
 */
import nodeFs from 'node:fs'
import {
  type Call,
  type CallScope,
  checkObjectKey,
  clampRange,
  createKeyedLock,
  createObjectReader,
  type DeleteResult,
  type Durability,
  MAX_IDLE_FILES,
  MediaError,
  type ObjectFile,
  type ObjectHead,
  refuseUnknown,
  STAGING_BUDGET_BYTES,
  STAGING_HEAD_ROOM_BYTES,
  type StoreTraits,
  SWEEP_AFTER_MS,
  systemClock,
} from '@mediakeep/core'
import { createScopes } from '../scopes/scopes.ts'
import { adoptFile } from './adopt.ts'
import { createFsPromises, type FsCalls } from './calls.ts'
import { deleteObject } from './delete.ts'
import { createDescriptors, type Descriptor, notAFile } from './descriptors.ts'
import { createDirectorySync } from './dir-sync.ts'
import { fsError, SourceFailure } from './errors.ts'
import { createFileStream } from './file-stream.ts'
import { readHead } from './heads.ts'
import { createFsJournal } from './journal/journal.ts'
import { pathsOf } from './layout.ts'
import { listPage } from './list.ts'
import { type Place, placeOf } from './names.ts'
import { refuseNetwork } from './network.ts'
import { FS_OPTIONS, type FsStore, type FsStoreOptions } from './options.ts'
import { lstatIfThere } from './publish.ts'
import { MAX_OBJECT_BYTES, putObject } from './put.ts'
import { roomOf } from './room.ts'
import { createStaging } from './staging.ts'
import { createTempNames } from './temp-files.ts'
import { offline, openVolume, readMarker } from './volume.ts'
import type { Volume } from './volume-state.ts'
import { createFileWriter } from './writer.ts'

const MAX_KEY_BYTES = 1024
/** Replacements of one object that a reader lives through before it gives up. */
const MAX_LOOKS = 50
const DELETES_AT_ONCE = 16
/** A word that is none of these would be weaker than what was meant, by silence. */
const LEVELS: readonly Durability[] = ['none', 'file', 'durable']

/**
 * A store of objects as files below `root`. Opens by itself with the first call; several processes may use one root.
 * @throws MediaError MEDIA_BAD_INPUT `bad-setting` `unknown-option`; from every call: MEDIA_NO_SPACE `disk-full` `disk-quota`, MEDIA_BUSY `too-many-open-files`,
 * MEDIA_UNAVAILABLE `not-writable` `volume-offline` `io-error`, MEDIA_CLOSED.
 */
export function fsStore(options: FsStoreOptions): FsStore {
  refuseUnknown('fsStore', options, FS_OPTIONS)
  const { name = 'fs', durability = 'durable', clock = systemClock, create = true } = options
  if (!LEVELS.includes(durability))
    throw new MediaError('MEDIA_BAD_INPUT', `${name}: durability is one of ${LEVELS.join(', ')}`, {
      reason: 'bad-setting',
    })
  const raw: FsCalls = options.fs ?? nodeFs
  const fs = createFsPromises(raw, () => descriptors.freeIdle(), {
    isNetwork: options.allowNetwork === true,
  })
  const paths = pathsOf(options.root)
  const names = createTempNames()
  const scopes = createScopes(name, clock)
  const descriptors = createDescriptors(fs, options.maxIdleFiles ?? MAX_IDLE_FILES, clock)
  const volume: Volume = {
    storeName: name,
    fs,
    paths,
    names,
    durability,
    clock,
    syncDirectory: createDirectorySync(fs),
    descriptors,
    locks: createKeyedLock(),
  }
  const staging = createStaging(volume, {
    budgetBytes: options.stagingBudgetBytes ?? STAGING_BUDGET_BYTES,
    headRoomBytes: options.stagingHeadRoomBytes ?? STAGING_HEAD_ROOM_BYTES,
    sweepAfterMs: options.sweepAfterMs ?? SWEEP_AFTER_MS,
    async ready() {
      scopes.enter(undefined)
      if (!isOpen) await open()
    },
    run: (act, work) => call(act, undefined, undefined, work),
  })
  let isOpen = false
  let opening: Promise<void> | undefined
  let closing: Promise<void> | undefined
  let openWriters = 0

  const traits: StoreTraits = {
    maxObjectBytes: MAX_OBJECT_BYTES,
    maxKeyBytes: MAX_KEY_BYTES,
    minPartBytes: 0,
    paid: false,
    shared: false,
    durability,
    conditionalPut: 'enforced',
    retries: false,
    listOrder: 'none',
    keepsNoSource: true,
  }

  const failed = (act: string, error: unknown): unknown =>
    error instanceof SourceFailure ? error.error : fsError(name, act, error)

  async function openNow(): Promise<void> {
    try {
      await openVolume(fs, paths, { storeName: name, create, names })
      if (options.allowNetwork !== true) await refuseNetwork(fs, name, paths.root)
      isOpen = true
    } catch (error) {
      throw failed(`open ${paths.root}`, error)
    }
  }

  /** Tried anew by the next call when it failed: a disk may be mounted late. */
  function open(): Promise<void> {
    opening ??= scopes.track(openNow()).finally(() => {
      opening = undefined
    })
    return opening
  }

  /** One call: its key checked, its scope, the store open, errors in words that callers know. */
  async function call<T>(
    act: string,
    key: string | undefined,
    options: Call | undefined,
    work: (scope: CallScope, place: Place) => Promise<T>,
    keepScope = false,
  ): Promise<T> {
    const scope = scopes.enter(options)
    let kept = false
    try {
      if (key !== undefined) checkObjectKey(name, key, MAX_KEY_BYTES)
      if (!isOpen) {
        await open()
        scope.check()
      }
      const result = await scopes.track(work(scope, key === undefined ? NO_PLACE : placeOf(key)))
      kept = keepScope && result !== undefined
      return result
    } catch (error) {
      throw failed(key === undefined ? act : `${act} ${JSON.stringify(key)}`, error)
    } finally {
      if (!kept) scope.release()
    }
  }

  /** An object is absent only on a volume that is there: without its shard nothing can be said. */
  async function checkAbsent(place: Place): Promise<undefined> {
    const shard = await lstatIfThere(fs, paths.shard(place.shard))
    if (shard?.isDirectory() !== true)
      throw offline(name, paths, `the directory objects/${place.shard} is gone; is the disk mounted?`)
    return undefined
  }

  async function headObject(place: Place, check: () => void): Promise<ObjectHead | undefined> {
    const path = paths.object(place)
    for (let look = 0; look < MAX_LOOKS; look++) {
      check()
      const stat = await lstatIfThere(fs, path)
      if (stat === undefined) return checkAbsent(place)
      if (!stat.isFile()) throw notAFile(path)
      const head = await readHead(volume, place, stat)
      if (head !== 'changed') return head
    }
    throw replacedTooOften(place)
  }

  /** An open file and the head that belongs to exactly its bytes. */
  async function openObject(
    place: Place,
    check: () => void,
  ): Promise<{ readonly file: Descriptor; readonly head: ObjectHead } | undefined> {
    const path = paths.object(place)
    for (let look = 0; look < MAX_LOOKS; look++) {
      check()
      const file = await descriptors.acquire(path)
      if (file === undefined) return checkAbsent(place)
      let head: ObjectHead | 'changed' = 'changed'
      try {
        head = await readHead(volume, place, file.stat)
        if (head !== 'changed') return { file, head }
      } finally {
        if (head === 'changed') file.release()
      }
      descriptors.forget(path)
    }
    throw replacedTooOften(place)
  }

  function replacedTooOften(place: Place): MediaError {
    return new MediaError(
      'MEDIA_BUSY',
      `${name}: ${JSON.stringify(place.key)} is being replaced all the time`,
      { reason: 'locked' },
    )
  }

  const deleteOne = (key: string, options?: Call): Promise<void> =>
    call('delete', key, options, async (scope, place) => {
      if (!(await deleteObject(volume, place, () => scope.check()))) await checkAbsent(place)
    })

  async function deleteMany(keys: readonly string[], options?: Call): Promise<readonly DeleteResult[]> {
    scopes.enter(options).release()
    const results: DeleteResult[] = []
    for (let at = 0; at < keys.length; at += DELETES_AT_ONCE) {
      const batch = keys.slice(at, at + DELETES_AT_ONCE)
      const settled = await Promise.allSettled(batch.map((key) => deleteOne(key, options)))
      for (const [index, result] of settled.entries()) {
        const key = batch[index] ?? ''
        if (result.status === 'fulfilled') results.push({ key })
        else
          results.push({
            key,
            error: result.reason instanceof Error ? result.reason : new Error(String(result.reason)),
          })
      }
    }
    return results
  }

  const journal = createFsJournal(volume, (act, options, work) => call(act, undefined, options, work))

  async function closeNow(): Promise<void> {
    await scopes.close()
    try {
      await journal.close()
    } catch (error) {
      throw failed('close the journal', error)
    } finally {
      await Promise.all([staging.close(), descriptors.close()])
    }
  }

  function close(): Promise<void> {
    closing ??= closeNow()
    return closing
  }

  return {
    name,
    root: paths.root,
    traits,
    staging,
    journal,
    get openCount() {
      return descriptors.heldCount + openWriters + staging.partials.openCount
    },
    put: (key, source, options = {}) =>
      call('put', key, options, (scope, place) => putObject(volume, place, source, options, scope)),
    get: (key, options = {}) =>
      call(
        'get',
        key,
        options,
        async (scope, place) => {
          const found = await openObject(place, () => scope.check())
          if (found === undefined) return undefined
          const { file, head } = found
          try {
            scope.check()
            const range = clampRange(options.range, head.sizeBytes)
            const read = (buffer: Uint8Array, position: number): Promise<number> =>
              file.read(buffer, position).catch((error: unknown) => {
                throw failed(`read ${JSON.stringify(key)}`, error)
              })
            const discard = (): void => file.release()
            return createObjectReader({
              head,
              range,
              scope,
              open: () => createFileStream({ read, release: discard }, range),
              discard,
            })
          } catch (error) {
            file.release()
            throw error
          }
        },
        true,
      ),
    head: (key, options) =>
      call('look at', key, options, (scope, place) => headObject(place, () => scope.check())),
    delete: deleteOne,
    deleteMany,
    list: (options = {}) =>
      call('list', undefined, options, (scope) => listPage(volume, options, () => scope.check())),
    close,
    [Symbol.asyncDispose]: close,
    async open() {
      scopes.enter(undefined)
      if (!isOpen) await open()
    },
    async identity() {
      scopes.enter(undefined)
      try {
        const identity = await scopes.track(readMarker(fs, name, paths))
        if (identity === undefined)
          throw offline(name, paths, 'its marker is missing: its disk may not be mounted')
        return identity
      } catch (error) {
        throw failed(`read the marker of ${paths.root}`, error)
      }
    },
    createWriter: (key, options) =>
      call(
        'write',
        key,
        options,
        async (scope, place) => {
          const act = `write ${JSON.stringify(key)}`
          const writer = await createFileWriter(volume, place, {
            scope,
            scopes,
            failed: (error) => failed(act, error),
            onFreed: () => {
              openWriters -= 1
            },
          })
          openWriters += 1
          return writer
        },
        true,
      ),
    adopt: (key, filePath, options = {}) =>
      call('adopt', key, options, async (scope, place) => {
        const head = await adoptFile(volume, place, filePath, options, scope).catch(
          async (error: unknown) => {
            if (filePath.startsWith(paths.staging)) await checkAbsent(place) // gone with its volume?
            throw error
          },
        )
        await staging.adopted(filePath)
        return head
      }),
    localPath(key) {
      checkObjectKey(name, key, MAX_KEY_BYTES)
      return paths.object(placeOf(key))
    },
    openFile: (key, options) =>
      call('open', key, options, async (scope, place): Promise<ObjectFile | undefined> => {
        scope.check()
        const path = paths.object(place)
        const file = await descriptors.acquire(path)
        if (file === undefined) return checkAbsent(place)
        return {
          sizeBytes: file.stat.size,
          read: (buffer, position) =>
            file.read(buffer, position).catch((error: unknown) => {
              throw failed(`read ${JSON.stringify(key)}`, error)
            }),
          stamp: () => file.stamp(),
          async close() {
            file.release()
          },
        }
      }),
    // A network's file may be waited for without end.
    ...(options.allowNetwork === true
      ? {}
      : {
          readNow: (key, buffer, position) =>
            descriptors.readNow(paths.object(placeOf(key)), buffer, position),
        }),
    room: () => call('ask for the room of', undefined, undefined, () => roomOf(volume)),
  }
}

const NO_PLACE: Place = { key: '', shard: '', fileName: '', once: false, long: false }
