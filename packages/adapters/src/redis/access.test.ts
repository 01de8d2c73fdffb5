import { readFileSync } from 'node:fs'
import { isMediaError, type ResourceStates } from '@mediakeep/core'
import { afterEach, expect, test, vi } from 'vitest'
import { missingOpensslReason } from '../../../../scripts/lib/certificates.mjs'
import { missingRedisReason, startRedis } from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { type OpenRedisStatesOptions, openRedisStates } from './index.ts'
import { claimed, LONG, listen, READY } from './testing/listen.fixture.ts'

const PASSWORD = 's3cret-p4ss'
/** As docs/guide/redis.md says. */
const RIGHTS =
  'resetkeys ~mk:* resetchannels &mk:* -@all +get +mget +set +del +time +eval +evalsha +publish +subscribe +client|setname'

const opened: ResourceStates[] = []
afterEach(async () => {
  for (const states of opened.splice(0)) await states.close()
})
const open = async (options: OpenRedisStatesOptions): Promise<ResourceStates> => {
  const states = await openRedisStates({ commandTimeoutMs: 5_000, ...options })
  opened.push(states)
  return states
}

/** All calls, with a second handle that hears of them. */
async function worksFor(options: OpenRedisStatesOptions): Promise<void> {
  const [states, other] = [await open({ heartbeatMs: 50, ...options }), await open(options)]
  const heard = await listen(states)
  const lease = await claimed(other, 'a')
  expect((await states.read(['a', 'b']))[0]?.state).toBe('loading')
  await other.settle(await other.extend(lease, LONG), READY)
  await other.release(await claimed(other, 'b'))
  await states.invalidate(['a', 'c'])
  await vi.waitFor(() => expect(heard.keys).toEqual(['a', 'a', 'b', 'b', 'a', 'c']))
  // Several echoes came back.
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(heard.gaps).toBe(0)
}

await describeOn(
  'a Redis with users',
  missingRedisReason(),
  () =>
    startRedis({
      settings: { user: [`media on >${PASSWORD} ${RIGHTS}`, `blind on >${PASSWORD} ~mk:* -@all +get`] },
    }),
  (server) => {
    const urlOf = (user: string, password: string): string =>
      server.url.replace('//', `//${user}:${encodeURIComponent(password)}@`)

    test('takes a user with the rights that the guide names, and no others', async () => {
      await worksFor({ url: urlOf('media', PASSWORD) })
      const outside = await open({ url: urlOf('media', PASSWORD), prefix: 'other:' })
      await expect(outside.claim('a', LONG)).rejects.toMatchObject({ reason: 'states-refused' })
    })

    test('a wrong password and a missing right are states-refused, without a secret, also in what caused it', async () => {
      for (const url of [
        urlOf('media', `wrong-${PASSWORD}`),
        urlOf('nobody', PASSWORD),
        urlOf('blind', PASSWORD),
      ]) {
        const states = await open({ url })
        await listen(states)
        const error = await states.claim('a', LONG).catch((thrown: unknown) => thrown)
        if (!isMediaError(error, 'MEDIA_UNAVAILABLE')) throw error
        expect(error.reason).toBe('states-refused')
        const { cause } = error
        const said = [error.message, error.stack, JSON.stringify(error), JSON.stringify(cause)]
        if (cause instanceof Error)
          said.push(cause.message, cause.stack, JSON.stringify(Object.entries(cause)))
        expect(said.join('\n')).not.toContain(PASSWORD)
      }
    })
  },
)

await describeOn(
  'a Redis with TLS',
  missingRedisReason() ?? missingOpensslReason(),
  () => startRedis({ tls: true, settings: { requirepass: PASSWORD } }),
  (server) => {
    const url = server.url.replace('//', `//:${PASSWORD}@`)

    test('is reached by rediss: with its authority', async () => {
      await worksFor({ url, tls: { ca: readFileSync(server.certificateFile ?? '') } })
    })

    test('is not reached where nobody vouches for it', async () => {
      const states = await open({ url })
      await expect(states.read(['a'])).rejects.toMatchObject({
        reason: 'states-unreachable',
        message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT') as string,
      })
    })
  },
)

test('an address that is none is refused without being shown', async () => {
  for (const url of [`http://bob:${PASSWORD}@h`, `bob:${PASSWORD}`, `redis://bob:${PASSWORD}@h:port`]) {
    const error = await openRedisStates({ url }).catch((thrown: unknown) => thrown)
    if (!isMediaError(error, 'MEDIA_BAD_INPUT')) throw error
    expect(error.message).not.toContain(PASSWORD)
  }
})

test('settings that make no sense are refused', async () => {
  for (const settings of [
    { prefix: 'a{b}' },
    { settledTtlMs: 0 },
    { commandTimeoutMs: Number.NaN },
    { heartbeatMs: -1 },
  ])
    await expect(openRedisStates({ url: 'redis://127.0.0.1:1', ...settings })).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'bad-setting',
    })
})
