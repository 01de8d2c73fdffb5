import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createKeyRing, createSigningKey, type MediaStore } from '@mediakeep/core'
import { mediaRouter, openAccess, ownersOnly } from '@mediakeep/express'
import { expect, it, onTestFinished } from 'vitest'
import { asked, gateFixture } from '../gate/gate.fixture.ts'
import { createGate } from '../gate/gate.ts'
import { httpGateStore } from './http-gate-store.ts'

const BYTES = Buffer.from('what is in it')
const keys = createKeyRing([createSigningKey('one')])
const PATIENT = { lookTimeoutMs: 10_000 }
const { authorize } = ownersOnly({ authenticate: () => undefined })

async function serviceOf(
  store: MediaStore,
  answer?: (path: string) => [number, string] | undefined,
): Promise<string> {
  const router = mediaRouter(store, { access: openAccess(), basePath: '/media' })
  const server = createServer((request, response) => {
    const instead = answer?.(request.url ?? '')
    if (instead === undefined) router(request, response)
    else response.writeHead(instead[0]).end(instead[1])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/media`
}

it('decides as a gate beside the store does', async () => {
  const { store, gate: near } = await gateFixture({}, { keys })
  const publicOne = await store.put(BYTES, { filename: 'a.txt', at: { key: 'a/b c' }, visibility: 'public' })
  const privateOne = await store.put(BYTES, { filename: 'b.txt', owner: 'ann' })
  const far = createGate({
    store: httpGateStore({ url: await serviceOf(store), keys, publicBaseUrl: 'https://media.example/media' }),
    authorize,
    // The first request of a process takes longer than a gate would wait.
    decisionCache: PATIENT,
    authenticate: (request) => {
      const id = request.header('x-user')
      return id === undefined ? undefined : { id }
    },
  })
  onTestFinished(() => far.close())
  const expiresAt = new Date(Date.now() + 600_000)
  const signed = await store.url(privateOne.id, { expiresAt })
  const asks = [
    asked('/media/k/a/b%20c'),
    asked('/media/k/a/b%20c', { method: 'HEAD' }),
    asked('/media/k/a/b%20c', { method: 'PUT' }),
    asked('/media/k/none'),
    asked(`/media/${publicOne.id}/content`),
    asked(`/media/${privateOne.id}/content`),
    asked(`/media/${privateOne.id}/download`, { headers: { 'x-user': 'ann' } }),
    asked(`/media/${privateOne.id}/content`, { headers: { 'x-user': 'bob' } }),
    asked(signed.pathname + signed.search),
    asked(`${signed.pathname}${signed.search}x`),
  ]
  for (const ask of asks) {
    const [one, other] = [await near.check(ask), await far.check(ask)]
    const { ttlMs: _, ...facts } = one.facts
    expect(other, ask.target).toMatchObject({ ...one, facts })
  }
})

it('answers 503, and never missing, when the service is away, fails, or is something else', async () => {
  const { store } = await gateFixture()
  const answers: [number, string][] = [
    [500, ''],
    [401, ''],
    [200, '<html>'],
    [200, '{}'],
    [200, '{"items":{}}'],
    [200, '{"items":[{"id":"x"}]}'],
    [302, ''],
  ]
  for (const instead of answers) {
    const url = await serviceOf(store, () => instead)
    const gate = createGate({ store: httpGateStore({ url }), authorize, decisionCache: PATIENT })
    expect(await gate.check(asked('/media/k/a')), String(instead)).toMatchObject({ status: 503 })
    gate.close()
  }
  const gate = createGate({ store: httpGateStore({ url: 'http://127.0.0.1:1/media' }), authorize })
  expect(await gate.check(asked('/media/k/a'))).toMatchObject({ status: 503 })
  gate.close()
})

it('starts a fetch by the service, once', async () => {
  const { store } = await gateFixture()
  const { id } = await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
  const asks: string[] = []
  const url = await serviceOf(store, (path) => {
    asks.push(path)
    if (path.endsWith('/availability') || path.endsWith('/warm'))
      return [200, JSON.stringify({ state: 'cold', tier: 's3', estimateMs: 1_500 })]
    if (!path.includes('?key=')) return undefined
    const record = {
      id,
      sizeBytes: 1,
      contentType: 'text/plain',
      filename: 'a',
      owner: 'x',
      visibility: 'public',
    }
    const dates = { createdAt: new Date(0).toISOString(), updatedAt: new Date(0).toISOString() }
    return [
      200,
      JSON.stringify({
        items: [{ ...record, ...dates, state: 'active', revision: 1, availability: 'cold', tier: 's3' }],
      }),
    ]
  })
  const gate = createGate({ store: httpGateStore({ url }), authorize, decisionCache: PATIENT })
  onTestFinished(() => gate.close())
  const all = await Promise.all(Array.from({ length: 50 }, async () => gate.check(asked('/media/k/a'))))
  for (const answer of all) expect(answer).toMatchObject({ status: 503, facts: { state: 'loading' } })
  await expect.poll(() => asks.filter((path) => path.endsWith('/warm')).length).toBe(1)
  expect(asks.length).toBe(3)
})
