import { MediaError, type ResourceStates, refuseUnknown } from '@mediakeep/core'
import type * as ioredis from 'ioredis'
import { ADDRESS_OPTIONS, type OpenRedisStatesOptions } from './client.ts'
import { createRedisStates } from './states.ts'

const CONNECT_TIMEOUT_MS = 1_000
const LONGEST_RETRY_MS = 1_000

/**
 * Resource states in the Redis at an address, over a connection that is closed with them. A Redis that is not there is no reason
 * to fail: calls do, until it is.
 * @throws MediaError MEDIA_UNSUPPORTED `no-ioredis`; MEDIA_BAD_INPUT `bad-setting` `unknown-option`
 */
export async function openRedisStates(options: OpenRedisStatesOptions): Promise<ResourceStates> {
  refuseUnknown('openRedisStates', options, ADDRESS_OPTIONS)
  const { url, tls, ...settings } = options
  if (!/^rediss?:\/\//i.test(url) || !URL.canParse(url))
    throw new MediaError('MEDIA_BAD_INPUT', 'redis: give an address: redis://USER:PASSWORD@HOST:PORT/DB', {
      reason: 'bad-setting',
    })
  const { Redis } = await loadIoredis()
  const client = new Redis(url, {
    autoResendUnfulfilledCommands: false,
    connectionName: 'mediakeep',
    connectTimeout: CONNECT_TIMEOUT_MS,
    disableClientInfo: true,
    disconnectTimeout: 200,
    enableOfflineQueue: false,
    // One that still loads its data says so to every command.
    enableReadyCheck: false,
    keepAlive: 10_000,
    maxRetriesPerRequest: 0,
    // The address may lead to another server by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    retryStrategy: (times) => Math.min(times * 50, LONGEST_RETRY_MS),
    ...(tls === undefined ? {} : { tls }),
  })
  try {
    return createRedisStates({ ...settings, client }, () => client.disconnect())
  } catch (error) {
    client.disconnect()
    throw error
  }
}

async function loadIoredis(): Promise<Pick<typeof ioredis, 'Redis'>> {
  try {
    return await import('ioredis')
  } catch (error) {
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      'redis: resource states need a package that is not installed: npm install ioredis',
      { reason: 'no-ioredis', cause: error },
    )
  }
}
