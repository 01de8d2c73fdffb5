import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeCertificate } from './lib/certificates.mjs'
import { HOST, onFreePort, startOwnServer } from './lib/own-server.mjs'
import { findProgram } from './lib/programs.mjs'

/*
 * A Redis of its own for tests and benchmarks: a new folder, a free port of the loopback address, nothing written to
 * disk, gone when it is stopped. Also several that are one cluster.
 */

const run = promisify(execFile)

/** Why no server can be started here; `undefined` when one can. */
export function missingRedisReason() {
  const missing = ['redis-server', 'redis-cli'].filter((command) => findProgram(command) === undefined)
  return missing.length === 0
    ? undefined
    : `Redis needs ${missing.join(' and ')}: node scripts/servers.mjs installs it on Debian`
}

const argumentsOf = (settings) =>
  Object.entries(settings).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((one) => [`--${name}`, ...String(one).split(' ')]),
  )

/**
 * Starts a server and resolves when it takes connections.
 * `settings` are those of redis.conf, a list where one is given several times; `isCluster` for a node of one; `tls` takes nothing else.
 */
export async function startRedis({ port, ...options } = {}) {
  const reason = missingRedisReason()
  if (reason !== undefined) throw new Error(reason)
  if (port !== undefined) return startOn(port, options)
  // A cluster talks on a second port, 10,000 above the first.
  const above = options.isCluster ? 10_000 : 0
  return onFreePort((free) => startOn(free, options), { above, taken: /in use|listening/ })
}

async function startOn(given, { settings = {}, isCluster = false, tls = false }) {
  const folder = mkdtempSync(join(tmpdir(), 'mediakeep-redis-'))
  chmodSync(folder, 0o700)
  const files = tls ? makeCertificate(folder, 'server') : undefined
  const all = {
    bind: HOST,
    port: tls ? 0 : given,
    dir: folder,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    'repl-diskless-sync-delay': 0,
    ...(files === undefined
      ? {}
      : {
          'tls-port': given,
          'tls-cert-file': files.cert,
          'tls-key-file': files.key,
          'tls-ca-cert-file': files.cert,
          'tls-auth-clients': 'no',
        }),
    ...(isCluster
      ? { 'cluster-enabled': 'yes', 'cluster-node-timeout': 2_000, 'cluster-config-file': 'nodes.conf' }
      : {}),
    ...settings,
  }
  const { pid, stop } = await startOwnServer({
    name: 'Redis',
    folder,
    command: [findProgram('redis-server'), ...argumentsOf(all)],
    ready: /Ready to accept connections/,
    failed: /Fatal error|FATAL CONFIG|Failed listening/,
  })
  const cli = async (...words) => {
    const secure = files === undefined ? [] : ['--tls', '--cacert', files.cert]
    const { stdout } = await run('redis-cli', ['-h', HOST, '-p', String(given), ...secure, ...words])
    return stdout.trim()
  }
  return {
    host: HOST,
    port: given,
    pid,
    url: `${tls ? 'rediss' : 'redis'}://${HOST}:${given}`,
    certificateFile: files?.cert,
    cli,
    signal: (name) => process.kill(pid, name),
    stop,
  }
}

/** Starts three primaries that share all slots, each with so many replicas, and resolves when all know it and follow. */
export async function startRedisCluster({ settings = {}, replicas = 0 } = {}) {
  const count = 3 * (1 + replicas)
  const nodes = []
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    for (let index = 0; index < count; index++) nodes.push(await startRedis({ settings, isCluster: true }))
    const addresses = nodes.map(({ host, port }) => `${host}:${port}`)
    const follow = ['--cluster-replicas', String(replicas)]
    await nodes[0].cli('--cluster', 'create', ...addresses, ...follow, '--cluster-yes')
    const isWhole = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${count}`)
    for (const node of nodes) {
      await told(node, isWhole, 'CLUSTER', 'INFO')
      await told(node, /role:master|master_link_status:up/, 'INFO', 'replication')
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, stop }
}

/** Waits until the node says so. */
async function told(node, what, ...words) {
  const startedMs = Date.now()
  for (;;) {
    const info = await node.cli(...words)
    if (what.test(info)) return
    if (Date.now() - startedMs > 60_000) throw new Error(`the cluster did not form:\n${info}`)
  }
}
