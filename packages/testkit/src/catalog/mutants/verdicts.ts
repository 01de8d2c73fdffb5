import type { BlobVerdict, Catalog, MemoryTables } from '@mediakeep/core'
import { type CatalogMutant, mutant, withMembers } from './mutant.ts'

type BlobRow = NonNullable<ReturnType<MemoryTables['blobs']['get']>>
type Settle = Catalog['settleVerdict']

const settling = (inner: Catalog, settle: Settle): Catalog => withMembers(inner, { settleVerdict: settle })

/** Another verdict than the blob has, while something happens. */
async function believing<T>(
  blob: BlobRow | undefined,
  verdict: BlobVerdict | undefined,
  act: () => Promise<T>,
): Promise<T> {
  const known = blob?.verdict
  if (blob !== undefined) blob.verdict = verdict
  const doing = act()
  if (blob !== undefined) blob.verdict = known
  return doing
}

/** Faults of what is found in bytes. */
export const verdictMutants: readonly CatalogMutant[] = [
  mutant('verdict.last-word', 'any commit may change what is known', ['verdict.of'], (inner, tables) =>
    withMembers(inner, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        const blob = tables.blobs.get(input.blobId)
        if (blob !== undefined) blob.verdict = input.content.verdict ?? blob.verdict
        return committed
      },
    }),
  ),
  mutant(
    'verdict.own-only',
    'a put is held by what it brings, not by what is known',
    ['verdict.inherit', 'verdict.garbage', 'portable.held'],
    (inner, tables) =>
      withMembers(inner, {
        commitContent: (input) =>
          believing(tables.blobs.get(input.blobId), undefined, () => inner.commitContent(input)),
      }),
  ),
  mutant(
    'verdict.quiet',
    'a settled content is no change of its media',
    ['verdict.active'],
    (inner, tables) =>
      settling(inner, async (...given) => {
        const settled = await inner.settleVerdict(...given)
        for (const { id } of settled.records) {
          const row = tables.media.get(id)
          if (row !== undefined) row.revision -= 1
        }
        return settled
      }),
  ),
  mutant(
    'verdict.unlisted',
    'what became active is not found by its words',
    ['verdict.active'],
    (inner, tables) =>
      settling(inner, async (...given) => {
        const settled = await inner.settleVerdict(...given)
        for (const { namespace } of settled.records)
          tables.namespaces.get(namespace)?.postings.delete('w:fresh')
        return settled
      }),
  ),
  mutant(
    'verdict.whole-media',
    'all contents of a media are held with a bad one',
    ['verdict.quarantined'],
    (inner, tables) =>
      settling(inner, async (blobId, verdict, contents) => {
        const settled = await inner.settleVerdict(blobId, verdict, contents)
        for (const { id } of settled.records)
          for (const content of tables.media.get(id)?.contents ?? []) content.state = contents.to
        return settled
      }),
  ),
  mutant(
    'verdict.any-state',
    'settleVerdict() moves contents in any state',
    ['verdict.quarantined'],
    (inner) =>
      settling(inner, (blobId, verdict, contents) =>
        inner.settleVerdict(blobId, verdict, {
          ...contents,
          from: contents.from.length === 0 ? [] : ['pending', 'active', 'rejected', 'quarantined'],
        }),
      ),
  ),
  mutant('verdict.unordered', 'whoever settles last is right', ['verdict.order'], (inner, tables) =>
    settling(inner, (blobId, ...rest) => {
      const blob = tables.blobs.get(blobId)
      if (blob !== undefined) blob.verdict = undefined
      return inner.settleVerdict(blobId, ...rest)
    }),
  ),
  mutant(
    'verdict.front-only',
    'what waits behind one that serves is not seen',
    ['verdict.held'],
    (inner, tables) =>
      withMembers(inner, {
        async heldContents(mediaId) {
          const serves = tables.media.get(mediaId)?.contents.some(({ state }) => state === 'active')
          return serves === true ? [] : inner.heldContents(mediaId)
        },
      }),
  ),
  mutant('verdict.limitless', 'settleVerdict() knows no limit', ['verdict.batches'], (inner) =>
    settling(inner, (blobId, verdict, contents) =>
      inner.settleVerdict(blobId, verdict, { ...contents, limit: 1_000 }),
    ),
  ),
  mutant('verdict.no-more', 'settleVerdict() says that it is done', ['verdict.batches'], (inner) =>
    settling(inner, async (...given) => ({ ...(await inner.settleVerdict(...given)), more: false })),
  ),
  mutant(
    'verdict.looked-before',
    'a commit believes what was known before it began',
    ['verdict.race'],
    (inner, tables) =>
      withMembers(inner, {
        async commitContent(input) {
          const blob = tables.blobs.get(input.blobId)
          const known = blob?.verdict
          await Promise.resolve()
          return believing(blob, known, () => inner.commitContent(input))
        },
      }),
  ),
  mutant('verdict.waiting-waste', 'what waits holds no bytes', ['verdict.garbage'], (inner, tables) =>
    withMembers(inner, {
      async commitContent(input) {
        const committed = await inner.commitContent(input)
        const blob = tables.blobs.get(input.blobId)
        if (committed.record.content.state === 'pending' && blob !== undefined) {
          blob.contents.clear()
          tables.unreferenced.add(blob)
        }
        return committed
      },
    }),
  ),
  mutant(
    'verdict.unlearned',
    'what is learned forgets what was found',
    ['verdict.learned'],
    (inner, tables) =>
      withMembers(inner, {
        learnDigest: (blobId, learned) =>
          believing(tables.blobs.get(blobId), undefined, () => inner.learnDigest(blobId, learned)),
      }),
  ),
  mutant('verdict.by-place', 'listUnscanned() counts instead of going on', ['verdict.pending'], (inner) =>
    withMembers(inner, {
      async listUnscanned({ which, limit, cursor = '0' }) {
        const { blobs } = await inner.listUnscanned({ which, limit: 1_000 })
        const end = Number(cursor) + limit
        const page = blobs.slice(Number(cursor), end)
        return end < blobs.length ? { blobs: page, nextCursor: String(end) } : { blobs: page }
      },
    }),
  ),
  mutant('verdict.any-engine', 'any verdict is good enough', ['verdict.stale'], (inner) =>
    withMembers(inner, {
      async listUnscanned(options) {
        const page = await inner.listUnscanned(options)
        return { ...page, blobs: page.blobs.filter(({ verdict }) => verdict === undefined) }
      },
    }),
  ),
]
