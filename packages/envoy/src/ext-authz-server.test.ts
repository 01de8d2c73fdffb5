import { memoryStore, withMeter } from '@mediakeep/core'
import { ownersOnly } from '@mediakeep/express'
import { memoryMediaStore } from '@mediakeep/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { checkRequest, readResponse } from './codec/proto.fixture.ts'
import { extAuthzServer } from './ext-authz-server.ts'
import { gateFixture } from './gate/gate.fixture.ts'
import { connectTo } from './grpc/client.fixture.ts'

const { authorize } = ownersOnly({ authenticate: () => undefined })
const question = (path: string): Buffer => checkRequest({ http: { method: 'GET', path, scheme: 'http' } })
const FLOOD = process.env['MEDIAKEEP_LONG'] === '1' ? 100_000 : 4_000

it('answers Envoy with three lines of a host', async () => {
  const store = await memoryMediaStore()
  const { id } = await store.put(Buffer.from('a'), { filename: 'a.txt', visibility: 'public' })
  const server = extAuthzServer({ store, authorize })
  const { address } = await server.listen({ port: 0 })
  const client = connectTo(address)

  expect((await client.check(question(`/media/${id}/content`))).status?.code ?? 0).toBe(0)
  expect((await client.check(question('/media/k/none'))).denied_response?.status?.code).toBe(404)
  expect(server.counts.decisions).toMatchObject({ ready: 1, missing: 1 })

  client.close()
  await server.close()
  await server.close()
  await store.close()
})

it(`keeps what is there through ${FLOOD} made-up names as fast as they come, in bounded memory, without one paid call`, async () => {
  const paid = withMeter(memoryStore({ name: 's3' }))
  const attempts: unknown[] = []
  paid.observe?.((attempt) => void attempts.push(attempt))
  const { store } = await gateFixture({}, { tiers: [{ name: 's3', store: paid }] })
  const { id } = await store.put(Buffer.from('a'), { filename: 'a.txt', visibility: 'public' })
  const server = extAuthzServer({
    store,
    authorize,
    decisionCache: { maxMissing: 2_000, readyTtlMs: 600_000 },
  })
  const { address } = await server.listen({ port: 0 })
  const client = connectTo(address)
  onTestFinished(async () => {
    client.close()
    await server.close()
  })
  await client.check(question(`/media/${id}/content`))
  const first = await client.ask(question('/media/k/none'))
  const missing = 'bytes' in first ? first.bytes : Buffer.alloc(0)
  expect(readResponse(missing).denied_response?.status?.code).toBe(404)
  attempts.length = 0

  const before = server.counts
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < FLOOD) {
      // All get the same bytes, whatever name they made up.
      const answer = await client.ask(question(`/media/k/none-${next++}-${Math.random()}`))
      if (!('bytes' in answer) || !answer.bytes.equals(missing)) throw new Error(JSON.stringify(answer))
    }
  }
  await Promise.all(Array.from({ length: 64 }, worker))
  await client.check(question(`/media/${id}/content`))

  const { looks, hits, entries, usedBytes } = server.counts
  expect(looks - before.looks).toBe(FLOOD)
  expect(hits - before.hits).toBe(1)
  expect(entries).toBeLessThanOrEqual(2_001)
  expect(usedBytes).toBeLessThan(2_000 * 1_200 + 10_000)
  expect(attempts).toEqual([])
}, 300_000)
