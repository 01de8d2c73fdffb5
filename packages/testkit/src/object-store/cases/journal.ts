import assert from 'node:assert/strict'
import type { Journal, ObjectStore } from '@mediakeep/core'
import type { ObjectStoreCase } from '../context.ts'
import { listAll, putBytes, rejectionOf, rejectsWith } from '../expect.ts'

const needs = ['journal']

function journalOf(store: ObjectStore): Journal {
  return store.journal ?? assert.fail('the store has no journal')
}

async function linesOf(store: ObjectStore): Promise<string[]> {
  const lines: string[] = []
  for await (const piece of journalOf(store).read()) {
    assert.equal(piece.damaged, 0, 'read() tells of damage where there is none')
    lines.push(...piece.lines)
  }
  return lines
}

/** Beside a compaction a line may come twice. */
async function distinctLines(store: ObjectStore): Promise<string[]> {
  return [...new Set(await linesOf(store))].sort()
}

async function* linesLater(lines: readonly string[], first: () => Promise<unknown>): AsyncGenerator<string> {
  await first()
  yield* lines
}

const none = async (): Promise<void> => {}

export const journalCases: readonly ObjectStoreCase[] = [
  {
    id: 'journal.lines',
    claim: 'read() gives every acknowledged line once, in the order of its appends',
    needs,
    async check({ store }) {
      assert.deepEqual(await linesOf(store), [], 'a fresh journal')
      const lines = Array.from({ length: 2_500 }, (_, index) => JSON.stringify({ index }))
      await Promise.all(lines.slice(0, 1_000).map((line) => journalOf(store).append(line)))
      for (const line of lines.slice(1_000, 1_010)) await journalOf(store).append(line)
      await Promise.all(lines.slice(1_010).map((line) => journalOf(store).append(line)))
      assert.deepEqual(await linesOf(store), lines)
    },
  },
  {
    id: 'journal.texts',
    claim: 'a line comes back as it was: empty, of any language, a million characters long',
    needs,
    async check({ store }) {
      const lines = [
        '',
        'naïve 日本 🍜',
        '"\\u0001 "',
        'x'.repeat(1_000_003),
        JSON.stringify('\u0000\n\u001e'),
      ]
      for (const line of lines) await journalOf(store).append(line)
      assert.deepEqual(await linesOf(store), lines)
    },
  },
  {
    id: 'journal.bad-line',
    claim: 'append() refuses a line with a line end with MEDIA_BAD_INPUT and keeps nothing of it',
    needs,
    async check({ store }) {
      await rejectsWith('MEDIA_BAD_INPUT', journalOf(store).append('a\nb'), 'append() of two lines')
      await rejectsWith(
        'MEDIA_BAD_INPUT',
        journalOf(store).append('a\u001eb'),
        'append() of a control character',
      )
      await journalOf(store).append('c')
      assert.deepEqual(await linesOf(store), ['c'])
    },
  },
  {
    id: 'journal.no-object',
    claim: 'a journal is no object: list() does not show it',
    needs,
    async check({ store }) {
      await journalOf(store).append('line')
      await putBytes(store, 'kit/object', 'bytes')
      assert.deepEqual(
        (await listAll(store)).map(({ key }) => key),
        ['kit/object'],
      )
    },
  },
  {
    id: 'journal.size',
    claim: 'size() grows with what is appended and shrinks when a shorter snapshot takes its place',
    needs,
    async check({ store }) {
      assert.equal(await journalOf(store).size(), 0, 'a fresh journal')
      for (let index = 0; index < 20; index++) await journalOf(store).append('x'.repeat(1_000))
      assert.ok((await journalOf(store).size()) >= 20_000, 'after 20,000 characters')
      await journalOf(store).compact(linesLater(['x'.repeat(1_000)], none))
      const sizeBytes = await journalOf(store).size()
      assert.ok(sizeBytes >= 1_000 && sizeBytes < 10_000, `${sizeBytes} bytes after a snapshot of 1,000`)
    },
  },
  {
    id: 'journal.compact',
    claim: 'compact(): the snapshot takes the place of all lines, and those that follow stay',
    needs,
    async check({ store }) {
      for (const line of ['a', 'b']) await journalOf(store).append(line)
      await journalOf(store).compact(linesLater(['snapshot of a and b'], none))
      await journalOf(store).append('c')
      assert.deepEqual(await linesOf(store), ['snapshot of a and b', 'c'])
      await journalOf(store).compact(linesLater([], none))
      assert.deepEqual(await linesOf(store), [], 'after a snapshot of nothing')
    },
  },
  {
    id: 'journal.compact.beside',
    claim: 'compact(): a line that is appended while the snapshot is given stays',
    needs,
    async check({ store }) {
      await journalOf(store).append('before')
      await journalOf(store).compact(linesLater(['snapshot'], () => journalOf(store).append('meanwhile')))
      assert.deepEqual(await distinctLines(store), ['meanwhile', 'snapshot'])
    },
  },
  {
    id: 'journal.compact.whole',
    claim: 'compact(): until the snapshot is whole the old lines are read, then the snapshot alone',
    needs,
    async check({ store }) {
      await journalOf(store).append('before')
      const during: string[] = []
      async function* snapshot(): AsyncGenerator<string> {
        yield 'first'
        during.push(...(await linesOf(store)))
        yield 'second'
      }
      await journalOf(store).compact(snapshot())
      assert.deepEqual(during, ['before'])
      assert.deepEqual(await linesOf(store), ['first', 'second'])
    },
  },
  {
    id: 'journal.compact.fails',
    claim: 'compact() throws what the snapshot throws, and every line is still there',
    needs,
    async check({ store }) {
      await journalOf(store).append('before')
      const failure = new Error('the catalog is away')
      async function* snapshot(): AsyncGenerator<string> {
        yield 'half of it'
        throw failure
      }
      assert.equal(await rejectionOf(journalOf(store).compact(snapshot()), 'compact()'), failure)
      await journalOf(store).append('after')
      assert.deepEqual(await distinctLines(store), ['after', 'before'])
      assert.equal(await journalOf(store).isBehind(), true, 'isBehind() without a snapshot')
    },
  },
  {
    id: 'journal.behind',
    claim: 'isBehind() until there is a snapshot',
    needs,
    async check({ store }) {
      assert.equal(await journalOf(store).isBehind(), true, 'a fresh journal')
      await journalOf(store).append('line')
      assert.equal(await journalOf(store).isBehind(), true, 'lines without a snapshot')
      await journalOf(store).compact(linesLater(['line'], none))
      assert.equal(await journalOf(store).isBehind(), false, 'after a snapshot')
      await journalOf(store).append('line')
      assert.equal(await journalOf(store).isBehind(), false, 'after a further line')
    },
  },
  {
    id: 'journal.shared',
    claim: 'read() gives the lines of every process, also while they go on',
    needs: [...needs, 'second'],
    async check({ store, second }) {
      const other = await second()
      await Promise.all([journalOf(store).append('a'), journalOf(other).append('b')])
      assert.deepEqual((await linesOf(store)).sort(), ['a', 'b'])
      await journalOf(other).append('c')
      assert.deepEqual((await linesOf(store)).sort(), ['a', 'b', 'c'])
    },
  },
  {
    id: 'journal.shared.compact',
    claim: 'compact() by one process loses no line that another appends afterwards, and none meanwhile',
    needs: [...needs, 'second'],
    async check({ store, second }) {
      const other = await second()
      await journalOf(other).append('before')
      await journalOf(store).compact(linesLater(['snapshot'], () => journalOf(other).append('meanwhile')))
      await journalOf(other).append('after')
      const expected = ['after', 'meanwhile', 'snapshot']
      assert.deepEqual(await distinctLines(store), expected)
      assert.deepEqual(await distinctLines(other), expected, 'as the other reads it')
      await journalOf(other).compact(linesLater(['second snapshot'], none))
      await journalOf(store).append('last')
      assert.deepEqual(await distinctLines(other), ['last', 'second snapshot'])
    },
  },
  {
    id: 'journal.closed',
    claim: 'close() keeps the lines, and calls after it are MEDIA_CLOSED',
    needs: [...needs, 'second'],
    async check({ store, second }) {
      const other = await second()
      await journalOf(other).append('kept')
      await other.close()
      await rejectsWith('MEDIA_CLOSED', journalOf(other).append('late'), 'append()')
      await rejectsWith('MEDIA_CLOSED', linesOf(other), 'read()')
      await rejectsWith('MEDIA_CLOSED', journalOf(other).compact(linesLater([], none)), 'compact()')
      assert.deepEqual(await linesOf(store), ['kept'])
    },
  },
]
