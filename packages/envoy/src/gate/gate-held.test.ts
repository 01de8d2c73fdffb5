import { buffer } from 'node:stream/consumers'
import { headerIn as header, type Media, MediaError, type Scanner } from '@mediakeep/core'
import { expect, it, onTestFinished } from 'vitest'
import { checkRequest } from '../codec/proto.fixture.ts'
import { connectTo } from '../grpc/client.fixture.ts'
import { createGrpcServer } from '../grpc/server.ts'
import { gateRouter } from '../http/gate-router.ts'
import { PROXIES, twinWire } from '../http/twin.fixture.ts'
import { direct, forward, type GateFixture, gateFixture } from './gate.fixture.ts'

interface WordScanner extends Scanner {
  word: string
  database: string
  isAway: boolean
}

/** A gate over a real store that scans; who asks is told by `x-user`, at every transport. */
async function scannedGate(mode: 'sync' | 'async'): Promise<GateFixture & { scanner: WordScanner }> {
  const scanner: WordScanner = {
    name: 'words',
    word: 'worm',
    database: '1',
    isAway: false,
    async scan(source) {
      if (scanner.isAway) throw new MediaError('MEDIA_UNAVAILABLE', 'away', { reason: 'scanner-unreachable' })
      const about = { engine: 'words', database: scanner.database }
      const text = (await buffer(source.open())).toString()
      return text.includes(scanner.word)
        ? { verdict: 'infected', signature: scanner.word, ...about }
        : { verdict: 'clean', ...about }
    },
    version: async () => ({ engine: 'words', database: scanner.database }),
    close: async () => {},
  }
  return { ...(await gateFixture({}, { scanner, scanning: { mode } })), scanner }
}

const HELD = [
  { state: 'pending', owner: [503, 'loading'], told: { envoy: 429, nginx: 403, traefik: 429, caddy: 429 } },
  {
    state: 'quarantined',
    owner: [403, 'denied'],
    told: { envoy: 403, nginx: 403, traefik: 403, caddy: 403 },
  },
] as const
const MISSING_TOLD = { envoy: 404, nginx: 403, traefik: 404, caddy: 404 }

for (const visibility of ['private', 'public'] as const)
  for (const { state, owner, told } of HELD) {
    it(`lets nobody at a ${visibility} media that is ${state}, by any name and any transport, and tells it to its owner alone`, async () => {
      const { store, gate, clock, scanner, check } = await scannedGate(state === 'pending' ? 'async' : 'sync')
      scanner.isAway = state === 'pending'
      const at = { key: 'held' }
      const media = await store.put(Buffer.from('a worm'), { at, owner: 'ann', visibility })
      expect(media.state).toBe(state)
      const link = await store.url(media.id, { expiresAt: new Date(clock.now() + 60_000) })
      const targets = [`/media/${media.id}/content`, `/media/${media.id}/download`, '/media/k/held']
      const signed = link.pathname + link.search
      const { address } = await listening(gate)
      const client = connectTo(address)
      onTestFinished(() => client.close())
      const grpc = async (path: string, headers: Record<string, string>): Promise<unknown> => {
        const http = { method: 'GET', path, scheme: 'https', host: 'media.example', headers }
        const { status, denied_response: denied } = await client.check(checkRequest({ http }))
        return [status?.code, denied?.status?.code]
      }

      for (const target of targets)
        for (const user of ['ann', 'bob', undefined]) {
          const headers: Record<string, string> = user === undefined ? {} : { 'x-user': user }
          const isOwner = user === 'ann'
          const [status, facts] = isOwner ? owner : [404, 'missing']
          const answer = direct(await check(target, { headers }))
          expect(answer, `${target} ${user}`).toMatchObject({ status, facts: { state: facts } })
          expect(header(answer.headers, 'retry-after') !== undefined).toBe(status === 503)
          expect(await grpc(target, headers)).toEqual([7, status])
          for (const proxy of PROXIES) {
            const wire = await twinWire(gateRouter({ gate, proxy }))
            const answered = await wire.ask(proxy, { target, headers })
            expect(answered.status, proxy).toBe(isOwner ? told[proxy] : MISSING_TOLD[proxy])
          }
        }
      // A signature stands for nobody.
      expect(direct(await check(signed))).toMatchObject({ status: 404, facts: { state: 'missing' } })
      expect(await grpc(signed, { 'x-user': 'ann' })).toEqual([7, 404])
    })
  }

it('forgets that it let a media through as soon as a new look finds something in it', async () => {
  const { store, scanner, check } = await scannedGate('sync')
  const { id }: Media = await store.put(Buffer.from('a bug'), { owner: 'ann', visibility: 'public' })
  const target = `/media/${id}/content`
  for (let n = 0; n < 3; n++) forward(await check(target))
  scanner.word = 'bug'
  scanner.database = '2'
  for await (const { changed } of store.upkeep.scan({ which: 'stale' })) expect(changed).toBe(1)
  expect(direct(await check(target)).status).toBe(404)
  expect(direct(await check(target, { headers: { 'x-user': 'ann' } })).status).toBe(403)
  await store.release(id)
  forward(await check(target))
})

async function listening(gate: GateFixture['gate']): Promise<{ readonly address: string }> {
  const server = await createGrpcServer(gate).listen({ port: 0 })
  onTestFinished(() => server.close())
  return server
}
