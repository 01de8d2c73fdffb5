import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { allCopies, copyInput, endCopy, putOne, startCopy } from '../copies.ts'
import { recordOf, refuses, sameRecord } from '../expect.ts'
import { ALPHA, begin, beginInput, commitInput, put, stage } from '../put.ts'

/** Opening, closing, volumes. */
export const lifecycleCases: readonly CatalogCase[] = [
  {
    id: 'ping.answers',
    claim: 'ping() resolves while the catalog is open',
    async check({ catalog }) {
      await catalog.ping()
    },
  },
  {
    id: 'close.refuses',
    claim: 'every call after close() is refused with MEDIA_CLOSED',
    async check({ catalog }) {
      const { record } = await put(catalog)
      const staged = await stage(catalog)
      await catalog.delete(ALPHA, record.id)
      await catalog.close()
      const calls: Record<string, () => Promise<unknown>> = {
        registerVolume: () => catalog.registerVolume({ id: 'v', tier: 't', layout: 1 }),
        listVolumes: () => catalog.listVolumes(),
        beginSession: () => catalog.beginSession(beginInput()),
        extendSession: () => catalog.extendSession(staged.session, { ttlMs: 1_000 }),
        endSession: () => catalog.endSession(staged.session),
        listSessions: () => catalog.listSessions(ALPHA),
        isSessionLive: () => catalog.isSessionLive(staged.session.id),
        stagePlacement: () => stage(catalog),
        commitContent: () => catalog.commitContent(commitInput(staged)),
        get: () => catalog.get(ALPHA, record.id),
        chunkSums: () => catalog.chunkSums(staged.blobId),
        update: () => catalog.update(ALPHA, record.id, { owner: 'x' }),
        delete: () => catalog.delete(ALPHA, record.id),
        link: () => catalog.link(ALPHA, record.id, { kind: 'k', target: 't' }),
        unlink: () => catalog.unlink(ALPHA, record.id, { kind: 'k', target: 't' }),
        list: () => catalog.list(ALPHA, {}),
        linked: () => catalog.linked(ALPHA, [{ kind: 'k', target: 't' }], 1),
        usage: () => catalog.usage(ALPHA, 'owner'),
        volumeUsage: () => catalog.volumeUsage(),
        markBad: () => catalog.markBad(staged.placementId),
        condemn: () => catalog.condemn({ limit: 1 }),
        claimGarbage: () => catalog.claimGarbage({ graceMs: 0, limit: 1 }),
        dropPlacements: () => catalog.dropPlacements([staged.placementId]),
        expireSessions: () => catalog.expireSessions({ limit: 1 }),
        planGarbage: () => catalog.planGarbage({ graceMs: 0 }),
        recheckBlobs: () => catalog.recheckBlobs({ limit: 1 }),
        leaveOrphans: () => catalog.leaveOrphans('kit-disk', [{ key: 'k', storedBytes: 1 }]),
        unknownKeys: () => catalog.unknownKeys('kit-disk', ['k']),
        listCopies: () => catalog.listCopies({ volumeIds: ['kit-disk'], limit: 1 }),
        markVerified: () => catalog.markVerified([staged.placementId]),
        listThinBlobs: () => catalog.listThinBlobs({ volumeIds: ['kit-disk'], minCopies: 1, limit: 1 }),
        copiesOf: () => catalog.copiesOf(staged.blobId),
        stageCopy: () => catalog.stageCopy(copyInput(staged.blobId)),
        commitCopy: () =>
          catalog.commitCopy({
            session: staged.session,
            placement: { id: staged.placementId, storedBytes: 1 },
          }),
        exportMedia: () => catalog.exportMedia({ limit: 1 }),
        importMedia: () => catalog.importMedia([]),
        ping: () => catalog.ping(),
      }
      for (const [name, call] of Object.entries(calls)) await refuses('MEDIA_CLOSED', call(), `${name}()`)
    },
  },
  {
    id: 'close.twice',
    claim: 'close() and disposal may be called again',
    async check({ catalog }) {
      await catalog.close()
      await catalog.close()
      await catalog[Symbol.asyncDispose]()
      await refuses('MEDIA_CLOSED', catalog.ping(), 'ping()')
    },
  },
  {
    id: 'close.dispose',
    claim: 'disposal closes the catalog',
    async check({ catalog }) {
      await catalog[Symbol.asyncDispose]()
      await refuses('MEDIA_CLOSED', catalog.get(ALPHA, { key: 'k' }), 'get()')
    },
  },
  {
    id: 'reopen.records',
    claim: 'committed records are the same after all handles were closed and the storage is opened again',
    needs: ['reopen'],
    async check({ catalog, reopen }) {
      const metadata = { title: 'kept', nested: { list: [1, 'two', null, true] } }
      const links = [{ kind: 'recipe', target: '42' }]
      const { record } = await put(catalog, { at: { key: 'kept' }, tags: ['a', 'b'], metadata, links })
      const gone = await put(catalog, { at: { key: 'gone' } })
      await catalog.delete(ALPHA, gone.record.id)
      const again = await reopen()
      sameRecord(await again.get(ALPHA, { key: 'kept' }), record, 'get() by key')
      assert.equal(await again.get(ALPHA, gone.record.id), undefined, 'the deleted record')
      const [linked] = await again.linked(ALPHA, links, 10)
      assert.deepEqual(
        linked?.map(({ id }) => id),
        [record.id],
        'linked()',
      )
      assert.ok(
        (await again.listVolumes()).some(({ id }) => id === 'kit-disk'),
        'the volume',
      )
    },
  },
  {
    id: 'reopen.copies',
    claim: 'a copy that was committed, when it was verified, and media that were imported are kept',
    needs: ['reopen'],
    async check({ catalog, reopen }) {
      const one = await putOne(catalog)
      await endCopy(catalog, await startCopy(catalog, one.blobId))
      const { media } = await catalog.exportMedia({ limit: 10 })
      await catalog.importMedia(media.map((known) => ({ ...known, revision: known.revision + 1 })))
      const again = await reopen()
      const { content, revision } = await recordOf(again, ALPHA, one.id)
      assert.equal(revision, 2)
      assert.equal(content.placements.length, 2)
      const copies = await allCopies(again, { volumeIds: ['kit-cold'] })
      assert.equal(copies.filter(({ verifiedAt }) => verifiedAt !== undefined).length, 1)
    },
  },
  {
    id: 'reopen.sessions',
    claim: 'a session that was open goes on after the storage is opened again',
    needs: ['reopen'],
    async check({ catalog, reopen }) {
      const session = await begin(catalog, { declared: { filename: 'x' } })
      const again = await reopen()
      assert.deepEqual(
        (await again.listSessions(ALPHA)).map(({ id }) => id),
        [session.id],
      )
      const staged = await stage(again, {}, session)
      const { record } = await again.commitContent(commitInput(staged))
      await recordOf(again, ALPHA, record.id)
    },
  },
  {
    id: 'volumes.list',
    claim: 'listVolumes() gives every registered volume as it was registered',
    async check({ catalog }) {
      const volume = { id: 'kit-host', tier: 'disk', hostId: 'host-1', layout: 3 }
      await catalog.registerVolume(volume)
      const listed = await catalog.listVolumes()
      assert.deepEqual({ ...listed.find(({ id }) => id === 'kit-host') }, volume)
      const ids = listed.map(({ id }) => id).sort()
      assert.deepEqual(ids, ['kit-cold', 'kit-disk', 'kit-host'])
    },
  },
  {
    id: 'volumes.again',
    claim: 'registerVolume() of an equal record changes nothing',
    async check({ catalog }) {
      const volume = { id: 'kit-host', tier: 'disk', hostId: 'host-1', layout: 1 }
      await catalog.registerVolume(volume)
      await catalog.registerVolume(volume)
      assert.equal((await catalog.listVolumes()).filter(({ id }) => id === volume.id).length, 1)
    },
  },
  {
    id: 'volumes.other-tier',
    claim: 'registerVolume() refuses an id that belongs to another tier',
    async check({ catalog }) {
      const call = catalog.registerVolume({ id: 'kit-disk', tier: 'cold', layout: 1 })
      await refuses('MEDIA_CONFLICT', call, 'registerVolume()')
      assert.equal((await catalog.listVolumes()).find(({ id }) => id === 'kit-disk')?.tier, 'disk')
    },
  },
]
