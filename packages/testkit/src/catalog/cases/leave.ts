import assert from 'node:assert/strict'
import { type Catalog, externalDomain, isMediaError } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, endCopy, type PutCopy, putOne, startCopy } from '../copies.ts'
import { listAll, recordOf, refuses } from '../expect.ts'
import { registerOne } from '../external.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, commitInput, type PutInput, stage } from '../put.ts'

const ROUNDS = 20
const THIRD = 'kit-third'
const HOMES = [DISK, COLD]

/** A put on the disk with a copy on the cold volume. */
async function putTwo(
  catalog: Catalog,
  input: PutInput = {},
): Promise<PutCopy & { readonly copyId: string }> {
  const one = await putOne(catalog, input)
  const copy = await startCopy(catalog, one.blobId)
  await endCopy(catalog, copy)
  return { ...one, copyId: copy.placementId }
}

/** A put on the disk with two live copies on the cold volume: one was bad, and made again, and found right. */
async function putTwoOnCold(
  catalog: Catalog,
): Promise<{ readonly one: PutCopy; readonly onCold: readonly string[] }> {
  const one = await putTwo(catalog)
  await catalog.markBad(one.copyId)
  const second = await startCopy(catalog, one.blobId)
  await endCopy(catalog, second)
  await catalog.markVerified([one.copyId])
  return { one, onCold: [one.copyId, second.placementId] }
}

async function liveOf(catalog: Catalog, id: string): Promise<string[]> {
  return (await recordOf(catalog, ALPHA, id)).content.placements.map((placement) => placement.id)
}

const leave = (
  catalog: Catalog,
  ids: readonly string[],
  { homes = HOMES, keep = 1 }: { readonly homes?: readonly string[]; readonly keep?: number } = {},
): Promise<readonly string[]> => catalog.leaveCopies(ids, { homes, keep })

/** Copies that go because others are kept. */
export const leaveCases: readonly CatalogCase[] = [
  {
    id: 'leave.goes',
    claim:
      'a copy beside which enough others are kept leaves: nobody is told of it, and its bytes go after the grace',
    async check({ catalog, advance }) {
      const one = await putTwo(catalog, { bytes: 'same' })
      assert.deepEqual([...(await leave(catalog, [one.placementId]))], [one.placementId])
      assert.deepEqual(await liveOf(catalog, one.id), [one.copyId])
      const { existing } = await stage(catalog, { bytes: 'same' })
      assert.deepEqual(
        existing.map(({ id }) => id),
        [one.copyId],
      )
      assert.deepEqual(
        [...(await catalog.claimGarbage({ graceMs: 60_000, limit: 10 }))],
        [],
        'readers have it',
      )
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ id }) => id),
        [one.placementId],
      )
    },
  },
  {
    id: 'leave.external',
    claim:
      'a copy of an external object may go in a domain of such objects, while the object is on a home and live',
    async check({ catalog }) {
      const { content } = await registerOne(catalog, 'a', { sizeBytes: 7 })
      const copy = await startCopy(catalog, content.blobId, { volumeId: DISK })
      await endCopy(catalog, copy)
      assert.deepEqual([...(await leave(catalog, [copy.placementId]))], [], 'its digest is not known')
      const { digest } = await stage(catalog, { bytes: 'content' })
      const chunkSums = new Uint8Array(4)
      await catalog.learnDigest(content.blobId, { domain: externalDomain(''), digest, chunkSums })
      assert.deepEqual([...(await leave(catalog, [copy.placementId], { homes: [DISK] }))], [])
      assert.deepEqual([...(await leave(catalog, [copy.placementId], { keep: 2 }))], [])
      const [own] = content.placements
      await catalog.markBad(own?.id ?? '')
      assert.deepEqual([...(await leave(catalog, [copy.placementId]))], [], 'the object is bad')
      await catalog.markVerified([own?.id ?? ''])
      assert.deepEqual([...(await leave(catalog, [copy.placementId]))], [copy.placementId])
    },
  },
  {
    id: 'leave.keep',
    claim:
      'a copy stays when fewer others are kept than asked for; bad, staged, leaving and external ones are none',
    async check({ catalog }) {
      await catalog.registerVolume({ id: THIRD, tier: 'third', layout: 1 })
      const one = await putTwo(catalog)
      const stays = async (what: string, options: { homes?: readonly string[]; keep?: number } = {}) =>
        assert.deepEqual([...(await leave(catalog, [one.placementId], options))], [], what)
      await stays('two are asked for', { keep: 2 })
      await stays('the other is on no home', { homes: [DISK, THIRD] })
      await stays('it does not keep itself', { homes: [DISK] })
      const third = await startCopy(catalog, one.blobId, { volumeId: THIRD })
      await stays('the third is staged', { homes: [...HOMES, THIRD], keep: 2 })
      await catalog.markBad(one.copyId)
      await stays('the other is bad')
      await endCopy(catalog, third)
      await catalog.markVerified([one.copyId])
      assert.deepEqual([...(await leave(catalog, [one.copyId], { homes: [THIRD] }))], [one.copyId])
      await stays('the other leaves')
      assert.equal((await liveOf(catalog, one.id)).length, 2)
    },
  },
  {
    id: 'leave.external-keeps-nothing',
    claim: 'a copy of an external object stays: nobody but its owner says how long that is there',
    async check({ catalog }) {
      const external = await registerOne(catalog, 'object')
      const { blobId } = external.content
      const copy = await startCopy(catalog, blobId, { volumeId: DISK })
      await endCopy(catalog, copy)
      assert.deepEqual([...(await leave(catalog, [copy.placementId]))], [])
      const [object] = external.content.placements
      assert.deepEqual([...(await leave(catalog, [object?.id ?? '']))], [], 'it is not ours')
      assert.equal((await liveOf(catalog, external.id)).length, 2)
    },
  },
  {
    id: 'leave.distinct',
    claim: 'two copies on one volume count once',
    async check({ catalog }) {
      const { one, onCold } = await putTwoOnCold(catalog)
      assert.deepEqual([...(await leave(catalog, [one.placementId], { keep: 2 }))], [], 'one volume')
      const [first] = onCold
      assert.deepEqual([...(await leave(catalog, onCold, { homes: [COLD] }))], [first], 'the second stays')
      assert.deepEqual([...(await leave(catalog, onCold))], onCold.slice(1), 'the disk keeps it')
    },
  },
  {
    id: 'leave.surplus',
    claim:
      'of two copies on one volume one goes, whatever is asked for; bad, staged and leaving ones are none',
    async check({ catalog }) {
      const { onCold } = await putTwoOnCold(catalog)
      const [first = '', second = ''] = onCold
      await catalog.markBad(second)
      const many = { homes: [], keep: 9 }
      assert.deepEqual([...(await leave(catalog, [first], many))], [], 'the second is bad')
      await catalog.markVerified([second])
      assert.deepEqual([...(await leave(catalog, onCold, many))], [first])
      assert.deepEqual([...(await leave(catalog, onCold, many))], [], 'the first leaves')
      const alone = await putOne(catalog)
      await startCopy(catalog, alone.blobId)
      assert.deepEqual([...(await leave(catalog, [alone.placementId], many))], [], 'of no other blob')
    },
  },
  {
    id: 'leave.live-only',
    claim: 'leaveCopies() leaves copies alone that are bad, staged or leaving, and ids that are none',
    async check({ catalog }) {
      const one = await putTwo(catalog)
      await catalog.markBad(one.placementId)
      const staged = await startCopy(catalog, one.blobId, { volumeId: DISK })
      const ids = [one.placementId, staged.placementId, 'no-placement']
      assert.deepEqual([...(await leave(catalog, ids))], [])
      await endCopy(catalog, staged)
      const twice = [staged.placementId, staged.placementId]
      assert.deepEqual([...(await leave(catalog, twice))], [staged.placementId])
      assert.deepEqual([...(await leave(catalog, twice))], [])
      const found = await catalog.copiesOf(one.blobId)
      assert.deepEqual(found?.placements.map(({ state }) => state).sort(), ['bad', 'live'])
    },
  },
  {
    id: 'leave.in-turn',
    claim: 'copies named in one call are judged one after the other: the last one is kept',
    async check({ catalog }) {
      const one = await putTwo(catalog)
      const left = await leave(catalog, [one.copyId, one.placementId])
      assert.deepEqual([...left], [one.copyId])
      assert.deepEqual(await liveOf(catalog, one.id), [one.placementId])
    },
  },
  {
    id: 'leave.two-hosts',
    claim: 'of two hosts that each let their copy go at once, exactly one keeps it',
    needs: ['second-handle'],
    async check({ catalog, second }) {
      const other = await second()
      const puts = []
      for (let n = 0; n < 8; n++) puts.push(await putTwo(catalog))
      await Promise.all(
        puts.flatMap(({ placementId, copyId }) => [leave(catalog, [placementId]), leave(other, [copyId])]),
      )
      for (const { id } of puts) assert.equal((await liveOf(catalog, id)).length, 1)
    },
  },
  {
    id: 'leave.pinned',
    claim:
      'a pin keeps bytes, not places: a put that was told of a copy that left commits with the other one',
    async check({ catalog, advance }) {
      const one = await putTwo(catalog, { bytes: 'same' })
      const told = await stage(catalog, { bytes: 'same' })
      assert.equal(told.existing.length, 2)
      assert.deepEqual([...(await leave(catalog, [one.placementId]))], [one.placementId])
      await collectAll(catalog, advance)
      const { record } = await catalog.commitContent(commitInput(told))
      assert.deepEqual(
        record.content.placements.map(({ id }) => id),
        [one.copyId],
      )
    },
  },
  {
    id: 'leave.puts',
    claim: 'while copies leave and are collected, every put that succeeds has a live copy within its reach',
    async check({ catalog, advance }) {
      const input = { bytes: 'same', volumeId: DISK, reachable: [DISK] }
      const { blobId } = await putOne(catalog, input)
      await endCopy(catalog, await startCopy(catalog, blobId))
      const letGo = async (): Promise<void> => {
        const found = await catalog.copiesOf(blobId)
        const here = found?.placements.filter(({ volumeId }) => volumeId === DISK) ?? []
        await leave(
          catalog,
          here.map(({ id }) => id),
          { homes: [COLD] },
        )
      }
      for (let round = 0; round < ROUNDS; round++) {
        const told = await stage(catalog, input)
        const leaving = letGo()
        if (round % 2 === 0) await leaving
        const [holding] = await Promise.all([commitOrAgain(catalog, told, input), leaving])
        assert.ok(holding.includes(DISK), 'what a put answers is within its reach')
        await collectAll(catalog, advance)
      }
      for (const { content } of await listAll(catalog, ALPHA))
        assert.ok(content.placements.some(({ volumeId }) => volumeId === COLD))
    },
  },
  {
    id: 'leave.bad-keep',
    claim: 'leaveCopies() never lets the last copy go: to keep none is refused',
    async check({ catalog }) {
      const one = await putTwo(catalog)
      for (const keep of [0, -1, 0.5, Number.NaN])
        await refuses('MEDIA_BAD_INPUT', leave(catalog, [one.placementId], { keep }), `keep ${keep}`)
      assert.equal((await liveOf(catalog, one.id)).length, 2)
    },
  },
]

/** As a put does it. @returns the volumes it was answered with */
async function commitOrAgain(
  catalog: Catalog,
  told: Awaited<ReturnType<typeof stage>>,
  input: PutInput,
): Promise<readonly string[]> {
  try {
    const { record } = await catalog.commitContent(commitInput(told, input))
    return record.content.placements.map(({ volumeId }) => volumeId)
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_CONFLICT') || error.reason !== 'placement-gone') throw error
    return commitOrAgain(catalog, await stage(catalog, input, told.session), input)
  }
}
