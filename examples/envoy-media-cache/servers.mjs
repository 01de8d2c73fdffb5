import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, missingEnvoyReason, startEnvoy } from '../../scripts/envoy.mjs'
import { missingServer, startMinio, startVersitygw } from '../../scripts/lib/object-servers.mjs'
import { missingRedisReason, startRedis } from '../../scripts/redis.mjs'
import { runMediakeep } from './mediakeep.mjs'

const CONFIG = new URL('mediakeep.config.json', import.meta.url)

/** Why this cannot run here, a line for each program that is not there. */
export function missingServers() {
  return [
    missingEnvoyReason(),
    missingRedisReason(),
    missingServer('minio'),
    missingServer('versitygw'),
  ].filter((reason) => reason !== undefined)
}

/**
 * The real servers on free ports, their buckets, and the settings of this folder with those ports in a folder of its own, which all that
 * runs `mediakeep` runs in. Envoy listens on `port`; 0 takes a free one.
 */
export async function startServers(stage, port) {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-example-'))
  stage.atEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const started = async (server) => {
    const { stop } = await server
    stage.atEnd(stop)
    return server
  }
  // One after the other: each registers its end before the next one begins.
  const redis = await started(startRedis())
  const cache = await started(startMinio())
  const archive = await started(startVersitygw())
  const [admin, app, free] = await freePorts(3)
  const ports = { listener: port === 0 ? free : port, admin, app, bucket: cache.port }

  const text = [
    ['127.0.0.1:6379', `127.0.0.1:${redis.port}`],
    ['127.0.0.1:9000', `127.0.0.1:${cache.port}`],
    ['127.0.0.1:7070', `127.0.0.1:${archive.port}`],
    ['127.0.0.1:10000', `127.0.0.1:${ports.listener}`],
    ['"port": 9191', '"port": 0'],
    ['"fallbackPort": 9192', '"fallbackPort": 0'],
  ].reduce((config, [usual, here]) => config.replaceAll(usual, here), readFileSync(CONFIG, 'utf8'))
  writeFileSync(join(folder, 'mediakeep.config.json'), text)
  const env = {
    MEDIAKEEP_TIER_CACHE_ACCESS_KEY: cache.accessKeyId,
    MEDIAKEEP_TIER_CACHE_SECRET_KEY: cache.secretAccessKey,
    MEDIAKEEP_TIER_ARCHIVE_ACCESS_KEY: archive.accessKeyId,
    MEDIAKEEP_TIER_ARCHIVE_SECRET_KEY: archive.secretAccessKey,
  }
  // Buckets, records: what every configured store needs.
  await runMediakeep(['init', '--quiet'], { folder, env })
  return {
    folder,
    env,
    ports,
    settings: JSON.parse(text),
    addresses: { redis: redis.url, cache: cache.endpoint, archive: archive.endpoint },
    /** Answers the address that clients name. */
    async startEnvoy(config) {
      const envoy = await startEnvoy(config, { adminPort: admin })
      stage.atEnd(() => envoy.stop())
      return `http://127.0.0.1:${ports.listener}`
    },
  }
}
