import assert from 'node:assert/strict'
import {
  type BlobVerdict,
  type Catalog,
  digestOf,
  type MediaState,
  type UnscannedBlob,
} from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { walk } from '../copies.ts'
import { listIds, plain, recordOf, sameRecord } from '../expect.ts'
import { externalObject, registerOne } from '../external.ts'
import { collectAll } from '../purge.ts'
import {
  ALPHA,
  BETA,
  begin,
  beginUpload,
  chunkSumsOf,
  commitInput,
  type PutInput,
  put,
  type Staged,
  stage,
} from '../put.ts'

const CLEAN: BlobVerdict = { verdict: 'clean', engine: 'kit', database: '1' }
const INFECTED: BlobVerdict = { verdict: 'infected', engine: 'kit', database: '1', signature: 'Eicar "\0"' }
const UNSCANNABLE: BlobVerdict = { verdict: 'unscannable', engine: 'kit', database: '1', reason: 'encrypted' }
const RELEASED: BlobVerdict = { verdict: 'released', engine: 'admin', database: '' }
const ALL: readonly MediaState[] = ['pending', 'active', 'rejected', 'quarantined']

/** What is found in bytes, and what it makes of the media that share them. */
export const verdictCases: readonly CatalogCase[] = [
  {
    id: 'verdict.of',
    claim: 'verdictOf() knows what a commit or a look found in the bytes of a domain',
    async check({ catalog }) {
      const look = (bytes: string, domain = ''): Promise<BlobVerdict | undefined> =>
        catalog.verdictOf(domain, digestOf(Buffer.from(bytes)))
      assert.equal(await look('unknown'), undefined)
      const { record } = await put(catalog, { bytes: 'a' })
      assert.equal(await look('a'), undefined, 'nobody has looked')
      const bad = { ...INFECTED, database: '2' }
      for (const verdict of [CLEAN, { ...CLEAN, database: '2' }, bad]) {
        await put(catalog, { bytes: 'a', verdict })
        assert.deepEqual(plain(await look('a')), plain(verdict))
      }
      await put(catalog, { bytes: 'a', verdict: { ...CLEAN, database: '3' } })
      assert.deepEqual(plain(await look('a')), plain(bad), 'what is not clean stays')
      assert.equal(await look('a', BETA), undefined, 'another domain')
      for (const verdict of [{ ...UNSCANNABLE, database: '2' }, RELEASED]) {
        await settle(catalog, record.content.blobId, verdict, [], 'active')
        assert.deepEqual(plain(await look('a')), plain(verdict))
      }
    },
  },
  {
    id: 'verdict.inherit',
    claim:
      'a put of bytes that were found bad is quarantined, whatever it was to be, until they are released',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'bad', verdict: INFECTED })
      assert.equal(record.content.state, 'quarantined', 'the one that brought the verdict')
      const inputs: readonly PutInput[] = [{}, { state: 'pending' }, { verdict: CLEAN, namespace: BETA }]
      for (const verdict of [INFECTED, UNSCANNABLE]) {
        await settle(catalog, record.content.blobId, verdict, [], 'active')
        for (const input of inputs) {
          const again = await put(catalog, { bytes: 'bad', ...input })
          assert.equal(again.record.content.state, 'quarantined')
          assert.ok(
            (await listIds(catalog, again.record.namespace, { state: 'quarantined' })).includes(
              again.record.id,
            ),
          )
        }
      }
      const session = await beginUpload(catalog)
      const staged = await stage(catalog, { bytes: 'bad' }, session)
      await catalog.commitContent({ ...commitInput(staged), keepSession: { declared: {}, ttlMs: 1 } })
      assert.equal((await catalog.getSession(session.id))?.state, 'quarantined')
      await settle(catalog, record.content.blobId, RELEASED, [], 'active')
      const free = await put(catalog, { bytes: 'bad', verdict: INFECTED })
      assert.equal(free.record.content.state, 'active')
      assert.equal((await recordOf(catalog, ALPHA, record.id)).content.state, 'quarantined', 'others stay')
    },
  },
  {
    id: 'verdict.active',
    claim: 'settleVerdict() lets waiting contents serve: they take the place of older ones, as in a commit',
    async check({ catalog, advance }) {
      const old = await put(catalog, { bytes: '12345', tags: ['t'], contentType: 'text/plain' })
      const { id } = old.record
      const waiting = await put(catalog, { at: id, bytes: 'new', state: 'pending', filename: 'fresh.png' })
      assert.equal(waiting.record.content.number, 1, 'the old one serves')
      const alone = await put(catalog, { bytes: 'new', state: 'pending' })
      const newer = await put(catalog, { at: alone.record.id, bytes: 'newer', state: 'pending' })
      const blobId = newer.record.content.blobId
      await put(catalog, { at: id, bytes: 'last', state: 'pending' })
      const blob = await blobOf(catalog, 'new')
      const { records, more } = await settle(catalog, blob, CLEAN, ['pending'], 'active')
      assert.equal(more, false)
      assert.deepEqual(
        records.map((record) => record.id),
        [id],
        'the other was replaced by a newer one',
      )
      const shown = await recordOf(catalog, ALPHA, id)
      for (const record of records) sameRecord(record, shown, 'what it answers')
      assert.deepEqual([shown.content.number, shown.content.state, shown.content.sizeBytes], [2, 'active', 3])
      assert.equal(shown.revision, 4)
      assert.deepEqual(await listIds(catalog, ALPHA, { q: 'fresh' }), [id])
      assert.deepEqual(await listIds(catalog, ALPHA, { type: 'text/plain' }), [], 'of the old one')
      assert.deepEqual(await listIds(catalog, ALPHA, { state: 'active', tag: 't' }), [id])
      const [usage] = await catalog.usage(ALPHA, 'owner')
      assert.equal(usage?.logicalBytes, 3 + 4 + 5, 'its own, the one that waits, the other media')
      assert.equal((await collectAll(catalog, advance)).length, 1, 'the bytes of the old one')
      await settle(catalog, blobId, CLEAN, ['pending'], 'active')
      assert.deepEqual(await listIds(catalog, ALPHA, { state: 'pending' }), [])
    },
  },
  {
    id: 'verdict.quarantined',
    claim: 'settleVerdict() takes bad contents out of service, while an older active one goes on serving',
    async check({ catalog }) {
      const old = await put(catalog, { bytes: 'good' })
      const { id } = old.record
      await put(catalog, { at: id, bytes: 'bad', state: 'pending' })
      const active = await put(catalog, { bytes: 'bad', tags: ['t'] })
      const rejected = await put(catalog, { bytes: 'bad', state: 'rejected' })
      const blob = active.record.content.blobId
      const { records } = await settle(catalog, blob, INFECTED, ['pending', 'active'], 'quarantined')
      assert.deepEqual(records.map((record) => record.id).sort(), [id, active.record.id].sort())
      const served = await recordOf(catalog, ALPHA, id)
      assert.deepEqual([served.content.number, served.content.state, served.revision], [1, 'active', 3])
      const held = await recordOf(catalog, ALPHA, active.record.id)
      assert.deepEqual([held.content.state, held.revision], ['quarantined', 2])
      assert.deepEqual(await listIds(catalog, ALPHA, { state: 'quarantined' }), [held.id])
      assert.deepEqual(await listIds(catalog, ALPHA, { state: 'quarantined', tag: 't' }), [held.id])
      sameRecord(await catalog.get(ALPHA, rejected.record.id), rejected.record, 'one in another state')
      await settle(catalog, blob, RELEASED, ['quarantined'], 'active')
      assert.deepEqual(await listIds(catalog, ALPHA, { state: 'quarantined' }), [])
      assert.equal((await recordOf(catalog, ALPHA, id)).content.number, 2, 'the one that waited')
    },
  },
  {
    id: 'verdict.order',
    claim: 'a look that is older than what is known changes nothing, and no look what was let out',
    async check({ catalog }) {
      const at = (seconds: number): { readonly lookedAt: Date } => ({ lookedAt: new Date(seconds * 1_000) })
      const other = { engine: 'other', database: 'nightly' }
      const rows: readonly (readonly [known: BlobVerdict, older: BlobVerdict])[] = [
        [
          { ...INFECTED, ...at(2) },
          { ...CLEAN, ...at(1) },
        ],
        [
          { ...CLEAN, ...at(2) },
          { ...INFECTED, ...at(1) },
        ],
        [{ ...CLEAN, ...at(2) }, INFECTED],
        [
          { ...INFECTED, database: '10/ten', ...at(1) },
          { ...CLEAN, database: '9/nine', ...at(2) },
        ],
        [
          { ...INFECTED, ...other, ...at(2) },
          { ...CLEAN, database: '9', ...at(1) },
        ],
        [RELEASED, { ...INFECTED, database: '9', ...at(9) }],
      ]
      for (const [round, [known, older]] of rows.entries()) {
        const bytes = `round ${round}`
        const pending = await put(catalog, { bytes, state: 'pending' })
        const blobId = pending.record.content.blobId
        const first = await settle(catalog, blobId, known, [], 'active')
        assert.deepEqual(plain(first), { records: [], more: false, stands: plain(known) })
        const late = await settle(catalog, blobId, older, ALL, 'active')
        assert.deepEqual(plain(late), { records: [], more: false, stands: plain(known) })
        if (known.verdict === 'clean') await put(catalog, { bytes, verdict: older })
        const stands = await catalog.verdictOf('', digestOf(Buffer.from(bytes)))
        assert.deepEqual(plain(stands), plain(known))
        sameRecord(await catalog.get(ALPHA, pending.record.id), pending.record, 'one that waited')
        if (known.verdict === 'released') continue
        const newer = { ...older, database: '11/eleven', ...at(3) }
        const moved = await settle(catalog, blobId, newer, ['pending'], 'active')
        assert.deepEqual([moved.records.length, plain(moved.stands)], [1, plain(newer)], 'a newer one')
      }
    },
  },
  {
    id: 'verdict.held',
    claim:
      'heldContents() gives what waits and what is in quarantine, newest first, also behind one that serves',
    async check({ catalog }) {
      const { record } = await put(catalog, { bytes: 'good' })
      const at = record.id
      assert.deepEqual(await catalog.heldContents(at), [])
      await put(catalog, { at, bytes: 'bad', verdict: INFECTED })
      await put(catalog, { at, bytes: 'no', state: 'rejected' })
      await put(catalog, { at, bytes: 'new', state: 'pending' })
      await put(catalog, { bytes: 'of another', state: 'pending' })
      const heldOf = async (bytes: string): Promise<object> => ({
        blobId: await blobOf(catalog, bytes),
        digest: digestOf(Buffer.from(bytes)),
      })
      assert.deepEqual(plain(await catalog.heldContents(at)), [
        { number: 4, state: 'pending', ...(await heldOf('new')) },
        { number: 2, state: 'quarantined', ...(await heldOf('bad')) },
      ])
      await settle(catalog, await blobOf(catalog, 'new'), CLEAN, ['pending'], 'active')
      assert.deepEqual(await catalog.heldContents(at), [], 'what is older than the one that serves has gone')
      assert.deepEqual(await catalog.heldContents('unknown'), [])
    },
  },
  {
    id: 'verdict.batches',
    claim: 'settleVerdict() moves at most `limit` contents a call, each once, and says whether more are left',
    async check({ catalog }) {
      const made: string[] = []
      for (let n = 0; n < 5; n++) {
        const { record } = await put(catalog, {
          bytes: 'x',
          state: 'pending',
          namespace: n < 2 ? ALPHA : BETA,
        })
        made.push(record.id)
      }
      const blob = await blobOf(catalog, 'x')
      const moved: string[] = []
      const more: boolean[] = []
      for (let n = 0; n < 3; n++) {
        const contents = { from: ['pending', 'active'], to: 'active', limit: 2 } as const
        const page = await catalog.settleVerdict(blob, CLEAN, contents)
        moved.push(...page.records.map((record) => record.id))
        more.push(page.more)
      }
      assert.deepEqual(moved.sort(), made.sort())
      assert.deepEqual(more, [true, true, false])
      assert.deepEqual((await listIds(catalog, BETA, { state: 'pending' })).length, 0)
      const nothing = await settle(catalog, 'unknown', CLEAN, ALL, 'quarantined')
      assert.deepEqual(plain(nothing), { records: [], more: false })
      assert.equal((await listIds(catalog, ALPHA, { state: 'active' })).length, 2)
    },
  },
  {
    id: 'verdict.race',
    claim: 'of puts that commit while their bytes are found bad none serves them',
    async check({ catalog }) {
      for (const [round, before] of [0, 2, 4, 6].entries()) {
        const bytes = `round ${round}`
        const { record } = await put(catalog, { bytes })
        const staged = await Promise.all(Array.from({ length: 6 }, () => stage(catalog, { bytes })))
        const settleAll = () =>
          settle(catalog, record.content.blobId, INFECTED, ['pending', 'active'], 'quarantined')
        const commits = (some: readonly Staged[]) =>
          Promise.all(some.map((one) => catalog.commitContent(commitInput(one))))
        const [, settled] = await Promise.all([
          commits(staged.slice(0, before)),
          settleAll(),
          commits(staged.slice(before)),
        ])
        if (settled.more) await settleAll()
        assert.deepEqual(await listIds(catalog, ALPHA, { state: 'active' }), [])
        assert.equal((await listIds(catalog, ALPHA, { state: 'quarantined' })).length, 7 * (round + 1))
      }
    },
  },
  {
    id: 'verdict.garbage',
    claim:
      'bytes that wait or are held are kept, a verdict stays with bytes that are condemned and goes with them',
    async check({ catalog, advance }) {
      const pending = await put(catalog, { state: 'pending' })
      const held = await put(catalog, { bytes: 'bad', verdict: INFECTED })
      const session = await beginUpload(catalog)
      const ended = await stage(catalog, {}, session)
      await catalog.endSession(session, { state: 'aborted', declared: {}, ttlMs: 60_000 })
      const collected = await collectAll(catalog, advance)
      assert.deepEqual(
        collected.map(({ id }) => id),
        [ended.placementId],
      )
      for (const { record } of [pending, held]) {
        const found = await recordOf(catalog, ALPHA, record.id)
        assert.equal(found.content.placements.length, 1)
      }
      const digest = digestOf(Buffer.from('bad'))
      await catalog.delete(ALPHA, held.record.id)
      await catalog.condemn({ limit: 10 })
      assert.equal((await catalog.verdictOf('', digest))?.verdict, 'infected')
      await settle(catalog, held.record.content.blobId, UNSCANNABLE, ALL, 'active')
      const again = await put(catalog, { bytes: 'bad' })
      assert.equal(again.record.content.state, 'quarantined', 'a put that found it condemned')
      await catalog.delete(ALPHA, again.record.id)
      await collectAll(catalog, advance)
      assert.equal(await catalog.verdictOf('', digest), undefined)
      await advance(60_000)
    },
  },
  {
    id: 'verdict.learned',
    claim: 'an external object that turns out to have known bytes brings what was found in it along',
    async check({ catalog }) {
      const bytes = Buffer.from('7 bytes')
      await put(catalog, { bytes: '7 bytes', verdict: CLEAN })
      const { content } = await registerOne(catalog, 'their/object', externalObject('their/object'))
      await settle(catalog, content.blobId, INFECTED, [], 'active')
      const learned = { domain: '', digest: digestOf(bytes), chunkSums: chunkSumsOf(bytes) }
      await catalog.learnDigest(content.blobId, learned)
      assert.equal((await catalog.verdictOf('', learned.digest))?.verdict, 'infected')
    },
  },
  {
    id: 'verdict.pending',
    claim:
      'listUnscanned() gives each blob with a pending content once, page by page, while others come and go',
    async check({ catalog }) {
      await put(catalog, { bytes: 'active' })
      const made: string[] = []
      for (const bytes of ['a', 'b', 'c', 'd', 'e', 'a']) {
        const { record } = await put(catalog, { bytes, state: 'pending', contentType: 'text/plain' })
        made.push(record.content.blobId)
      }
      const wanted = [...new Set(made)]
      const all = await unscanned(catalog, 'pending', 2)
      assert.deepEqual(all.map(({ blobId }) => blobId).sort(), [...wanted].sort())
      const a = all.find(({ blobId }) => blobId === made[0])
      assert.deepEqual(plain(a), {
        blobId: made[0],
        domain: '',
        digest: digestOf(Buffer.from('a')),
        sizeBytes: 1,
        contentType: 'text/plain',
      })
      const first = await catalog.listUnscanned({ which: 'pending', limit: 2 })
      for (const { blobId } of first.blobs) await settle(catalog, blobId, CLEAN, ['pending'], 'active')
      const rest = await unscanned(catalog, 'pending', 2, first.nextCursor)
      assert.deepEqual(
        [...first.blobs, ...rest].map(({ blobId }) => blobId),
        all.map(({ blobId }) => blobId),
        'the same order, although those of the first page have gone',
      )
      assert.equal((await unscanned(catalog, 'pending', 10)).length, 3)
    },
  },
  {
    id: 'verdict.stale',
    claim:
      'listUnscanned() gives blobs whose verdict is absent or of another engine or database, unless released',
    async check({ catalog }) {
      const verdicts = new Map<string, BlobVerdict | undefined>([
        ['none', undefined],
        ['fresh', CLEAN],
        ['old', { ...CLEAN, database: '0' }],
        ['longer', { ...CLEAN, database: '10' }],
        ['other', { ...INFECTED, engine: 'k' }],
        ['bad', INFECTED],
        ['locked', UNSCANNABLE],
        ['free', RELEASED],
      ])
      for (const [bytes, verdict] of verdicts)
        await put(catalog, { bytes, ...(verdict === undefined ? {} : { verdict }) })
      const gone = await put(catalog, { bytes: 'gone' })
      await catalog.delete(ALPHA, gone.record.id)
      await stage(catalog, { bytes: 'no content' }, await begin(catalog))
      await registerOne(catalog, 'without digest')
      const found = await unscanned(catalog, { engine: 'kit', database: '1' }, 2)
      const names = new Map([...verdicts.keys()].map((bytes) => [digestOf(Buffer.from(bytes)), bytes]))
      assert.deepEqual(found.map(({ digest }) => names.get(digest) ?? digest).sort(), [
        'longer',
        'none',
        'old',
        'other',
      ])
      for (const { digest, verdict, contentType } of found) {
        assert.deepEqual(plain(verdict ?? null), plain(verdicts.get(names.get(digest) ?? '') ?? null))
        assert.equal(contentType, 'image/png')
      }
      assert.equal(
        (await unscanned(catalog, { engine: 'other "\0', database: '1' }, 10)).length,
        verdicts.size - 1,
      )
    },
  },
]

function settle(
  catalog: Catalog,
  blobId: string,
  verdict: BlobVerdict,
  from: readonly MediaState[],
  to: MediaState,
): ReturnType<Catalog['settleVerdict']> {
  return catalog.settleVerdict(blobId, verdict, { from, to, limit: 100 })
}

/** The blob of these bytes, which a content that waits may have. */
async function blobOf(catalog: Catalog, bytes: string): Promise<string> {
  const staged = await stage(catalog, { bytes })
  await catalog.endSession(staged.session)
  return staged.blobId
}

function unscanned(
  catalog: Catalog,
  which: Parameters<Catalog['listUnscanned']>[0]['which'],
  limit: number,
  from?: string,
): Promise<readonly UnscannedBlob[]> {
  return walk(async (at) => {
    const cursor = at.cursor ?? from
    const { blobs, nextCursor } = await catalog.listUnscanned({
      which,
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    })
    return { items: blobs, ...(nextCursor === undefined ? {} : { cursor: nextCursor }) }
  }, limit)
}
