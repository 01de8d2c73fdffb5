// Installs the real programs that tests and benchmarks run against. Used by .ci/run; `node scripts/servers.mjs`
// does the same by hand on Debian or Ubuntu, as root. Elsewhere it says what is missing, and those tests skip.
import { spawnSync } from 'node:child_process'
import { envoyReason, findEnvoy, installEnvoy } from './envoy.mjs'
import { buildServer, findServer, objectServers } from './lib/object-servers.mjs'
import { findProgram, pathFolders } from './lib/programs.mjs'
import { postgresFolders } from './postgres.mjs'

const servers = [
  { debian: 'curl', command: 'curl', reason: 'uploads and ranges as users type them' },
  {
    debian: 'nginx-light',
    command: 'nginx',
    reason: 'the rival of the serving benchmark, and the gate behind auth_request',
  },
  { debian: 'nghttp2-client', command: 'h2load', reason: 'the load of the gate benchmark' },
  { debian: 'wrk', command: 'wrk', reason: 'the load of the serving and gate benchmarks' },
  { debian: 'caddy', command: 'caddy', reason: 'the gate behind forward_auth' },
  { debian: 'chromium', command: 'chromium', reason: 'the quick-start page, driven by playwright-core' },
  { debian: 'ffmpeg', command: 'ffmpeg', reason: 'real JPEG, PNG, GIF, MP4, WebM and MP3 files' },
  { debian: 'webp', command: 'cwebp', reason: 'real WebP files' },
  { debian: 'libavif-bin', command: 'avifenc', reason: 'real AVIF files' },
  { debian: 'ghostscript', command: 'gs', reason: 'real PDF files' },
  { debian: 'zip', command: 'zip', reason: 'real archives, which most policies refuse' },
  {
    debian: 'strace',
    command: 'strace',
    reason: 'the order of write, sync and rename as the kernel sees it, and an end at each of them',
  },
  { debian: 'e2fsprogs', command: 'mkfs.ext4', reason: 'file systems that lose power, and small ones' },
  {
    debian: 'postgresql',
    command: 'postgres',
    reason: 'the catalog of many hosts; tests start servers of their own',
  },
  {
    debian: 'redis-server',
    command: 'redis-server',
    reason: 'resource states of many processes; tests start servers of their own',
  },
  {
    debian: 'clamav-daemon',
    command: 'clamd',
    reason: 'scanning; tests start daemons of their own, with a database of one signature',
  },
  { debian: 'openssl', command: 'openssl', reason: 'certificates for tests of TLS' },
  { debian: 'mount', command: 'mount', reason: 'the same' },
]

// Debian keeps servers in sbin, which is not on everybody's PATH.
const searched = () => [...pathFolders(), '/usr/local/sbin', '/usr/sbin', '/sbin', ...postgresFolders()]

const isInstalled = ({ command }) => findProgram(command, searched()) !== undefined

function apt(...args) {
  const { status } = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  return status === 0
}

const missing = servers.filter((server) => !isInstalled(server))
if (missing.length > 0) {
  if (process.getuid?.() === 0 && isInstalled({ command: 'apt-get' })) {
    console.log(`servers: installing ${missing.map(({ debian }) => debian).join(', ')}`)
    // A stale list is often good enough, so a failing update alone decides nothing.
    apt('update')
    apt('install', '-y', '--no-install-recommends', ...missing.map(({ debian }) => debian))
  } else {
    console.log('servers: installing needs root and apt-get; nothing is installed')
  }
}
for (const server of servers) {
  console.log(`servers: ${server.command} ${isInstalled(server) ? 'present' : 'MISSING'} (${server.reason})`)
}
for (const [name, { reason }] of Object.entries(objectServers)) {
  buildServer(name)
  console.log(`servers: ${name} ${findServer(name) === undefined ? 'MISSING' : 'present'} (${reason})`)
}
installEnvoy()
console.log(`servers: envoy ${findEnvoy() === undefined ? 'MISSING' : 'present'} (${envoyReason})`)
