import { MediaError } from '@mediakeep/core'
import { expect, it } from 'vitest'
import { extAuthzServer } from '../ext-authz-server.ts'
import { gateRouter } from '../http/gate-router.ts'
import { direct, gateFixture, scripted } from './gate.fixture.ts'
import { createGate } from './gate.ts'

const authorize = () => true

it.each<[string, object]>([
  ['authenticat is unknown; known are store', { authenticat: () => undefined }],
  ['authenticate must be a function', { authenticate: 'ann' }],
  ['fetches.perSecond must be a number of at least 0', { fetches: { perSecond: Number('') / 0 } }],
  ['fetches.perPrincipal must be a number', { fetches: { perPrincipal: '10' } }],
  ['fetches.perAsker is unknown', { fetches: { perAsker: 1 } }],
  ['decisionCache must be an object, or false', { decisionCache: true }],
  ['decisionCache.staleMs must be a number of at least 0', { decisionCache: { staleMs: -1 } }],
  ['decisionCache.maxMissing must be a number', { decisionCache: { maxMissing: Number.NaN } }],
  ['decisionCache.lookTimeoutMs must be a number', { decisionCache: { lookTimeoutMs: 0 } }],
  ['decisionCache.readyTtlMS is unknown', { decisionCache: { readyTtlMS: 0 } }],
  ['contentRoute must be one of "as-is", "signed"', { contentRoute: 'sign' }],
  ['forwardIdentity must be one of', { forwardIdentity: 'x-forwarded-user' }],
  ['publicNames must be one of true, false', { publicNames: 'no' }],
  ['loadingStatus must be one of 503', { loadingStatus: 200 }],
  ['onDecision must be a function', { onDecision: {} }],
])(
  'an option that would do nothing, or hold nothing back, is refused by whatever makes a gate: %s',
  async (message, options) => {
    const { store } = await gateFixture()
    const given = { store, authorize, ...options }
    const refused = expect.objectContaining({
      code: 'MEDIA_BAD_INPUT',
      reason: 'bad-option',
      message: expect.stringContaining(message) as string,
    })
    expect(() => createGate(given)).toThrow(refused)
    expect(() => gateRouter({ proxy: 'nginx', ...given })).toThrow(refused)
    expect(() => extAuthzServer(given)).toThrow(refused)
  },
)

it.each([0, Number.NaN, Number.POSITIVE_INFINITY, '150'])('answerWithinMs %s is refused', async (time) => {
  const { store } = await gateFixture()
  const given = { store, authorize, answerWithinMs: time as number }
  const refused = expect.objectContaining({ reason: 'bad-option' })
  expect(() => gateRouter({ proxy: 'nginx', ...given })).toThrow(refused)
  expect(() => extAuthzServer(given)).toThrow(refused)
})

it('a router that is given a gate takes nothing that would make one', async () => {
  const { gate } = await gateFixture()
  expect(() => gateRouter({ proxy: 'nginx', gate })).not.toThrow()
  expect(() => gateRouter({ proxy: 'nginx', gate, ...{ authorize } })).toThrow('authorize is unknown')
})

it('options are taken as they are documented, and are the default where they are undefined', async () => {
  const { store } = await gateFixture()
  const documented = {
    authenticate: () => undefined,
    resourceOf: () => undefined,
    decisionCache: { maxEntries: 0, staleMs: 0, lookTimeoutMs: 1 },
    fetches: { perSecond: 0, perPrincipal: Number.POSITIVE_INFINITY },
    upstreams: {},
    contentRoute: 'signed',
    forwardIdentity: 'x-auth-request',
    signIn: { url: 'https://auth.example/' },
    placeholder: { contentType: 'image/svg+xml', body: '' },
    publicNames: false,
    loadingStatus: 425,
    onDecision: () => undefined,
  } as const
  createGate({ store, authorize, ...documented }).close()
  createGate({ store, authorize, decisionCache: false, fetches: false }).close()
  const none = Object.fromEntries(Object.keys(documented).map((name) => [name, undefined]))
  createGate({ store, authorize, ...none }).close()
})

it('an old answer ends also where its age was given as undefined', async () => {
  let isDown = false
  const { check, clock } = await scripted(
    () => {
      if (isDown) throw new MediaError('MEDIA_UNAVAILABLE', 'down')
      return { state: 'ready', tier: 'disk', since: new Date(0) }
    },
    { decisionCache: { staleMs: undefined } as object },
  )
  await check('/media/k/a')
  isDown = true
  clock.advance(36_000)
  expect(direct(await check('/media/k/a'))).toMatchObject({ status: 503, facts: { state: 'failed' } })
})
