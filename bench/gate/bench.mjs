import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findEnvoy, freePorts, startEnvoy } from '../../scripts/envoy.mjs'
import { findProgram } from '../../scripts/lib/programs.mjs'
import { missingRedisReason } from '../../scripts/redis.mjs'
import { ratioGoal } from '../harness/goals.mjs'
import {
  canPin,
  cpuSeconds,
  LOAD_CORE,
  memoryMiB,
  runProgram,
  SERVER_CORE,
  startModule,
  startProgram,
  stopProcess,
} from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { buildGo } from './go.mjs'
import { HEADERS, question } from './questions.mjs'

const SERVER = join(import.meta.dirname, 'server.mjs')
const CONFIG = join(import.meta.dirname, '../../ops/envoy/envoy.yaml')
const SECONDS = 2
const CHECK = '/envoy.service.auth.v3.Authorization/Check'

const PEER = 'grpc-js, proto-loader'
const ALWAYS = 'ours, always allow'
const OURS = 'ours'
const UNCACHED = 'ours, not cached'
const REDIS = 'ours, Redis per check'
const HTTP = 'ours, over HTTP'
const GO = 'Go, go-control-plane'

/** Checks a second, and what they cost the process that answers them: straight at the server, and behind an Envoy. */
export async function run({ quick, rounds, isChosen, print, say }) {
  const go = buildGo(say)
  const overRedis = missingRedisReason() === undefined ? [REDIS] : []
  const overGrpc = [OURS, ALWAYS, UNCACHED, ...overRedis, PEER, ...(go === undefined ? [] : [GO])]
  const ways = [
    {
      way: 'direct',
      missing: findProgram('h2load') === undefined ? 'h2load is not installed' : undefined,
      names: overGrpc,
      subjectOf: directSubject,
    },
    {
      way: 'through Envoy',
      missing: missingForEnvoy(),
      names: [...overGrpc, HTTP],
      subjectOf: envoySubject,
    },
  ]
  const rows = []
  for (const { way, missing, names, subjectOf } of ways) {
    if (missing !== undefined) say(`${missing}: rows "${way}" are absent`)
    for (const [about, headers] of Object.entries(HEADERS)) {
      const id = `${way}, ${about}`
      if (missing !== undefined || !isChosen(id)) continue
      const folder = temporaryFolder('gate')
      try {
        const subjects = names.map((name) => subjectOf({ name, go, headers, folder }))
        const cell = { id, subjects }
        const measured = await measureCell(cell, { rounds, windows: quick ? 1 : 2, say })
        printCell(cell, measured, print)
        rows.push(...measured)
      } finally {
        removeFolder(folder)
      }
    }
  }
  return { rows, goals: goalsOf(rows, go !== undefined) }
}

function missingForEnvoy() {
  if (findEnvoy() === undefined) return 'Envoy is not installed'
  return findProgram('wrk') === undefined ? 'wrk is not installed' : undefined
}

/** The server that answers: `{ pid, port, path, stop }`. */
async function startServer(name, go) {
  if (name !== GO) {
    const { hello, pid, stop } = await startModule(SERVER, [name], { core: SERVER_CORE })
    return { pid, ...hello, stop }
  }
  const [port] = await freePorts(1)
  const child = startProgram(go, [String(port)], { core: SERVER_CORE })
  while (!(await listens(port))) await delay(20)
  return { pid: child.pid, port, path: '/media/ready', stop: () => stopProcess(child) }
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const figuresOf = ({ pid, cpuBefore, requests, seconds }) => ({
  cost: seconds / requests,
  cpuUs: ((cpuSeconds(pid) - cpuBefore) / requests) * 1e6,
  residentMiB: memoryMiB(pid)?.resident ?? Number.NaN,
})

/** h2load: 2 connections of 32 streams, as two threads of Envoy would. */
function directSubject({ name, go, headers, folder }) {
  let server
  const file = join(folder, name.replaceAll(/\W+/g, '-'))
  return {
    name,
    kind: name.startsWith('ours') ? 'ours' : 'peer',
    async start() {
      server = await startServer(name, go)
      writeFileSync(file, question(headers, server.path))
    },
    async window() {
      const cpuBefore = cpuSeconds(server.pid)
      const out = await runProgram(
        'h2load',
        [
          '-D',
          String(SECONDS),
          '-c2',
          '-m32',
          '-t1',
          '-d',
          file,
          '-H',
          'content-type: application/grpc',
          '-H',
          'te: trailers',
          `http://127.0.0.1:${server.port}${CHECK}`,
        ],
        { core: LOAD_CORE },
      )
      const requests = Number(/status codes: (\d+) 2xx/.exec(out)?.[1])
      const failed = Number(/(\d+) failed/.exec(out)?.[1])
      if (!(requests > 0) || failed > 0) throw new Error(`h2load: ${out}`)
      return figuresOf({ pid: server.pid, cpuBefore, requests, seconds: SECONDS })
    },
    stop: () => server?.stop(),
  }
}

/** wrk at an Envoy by the shipped configuration, which answers what goes on by itself. */
function envoySubject({ name, go, headers }) {
  let server
  let envoy
  let url
  return {
    name,
    kind: name.startsWith('ours') ? 'ours' : 'peer',
    async start() {
      server = await startServer(name, go)
      const [listener, admin] = await freePorts(2)
      url = `http://127.0.0.1:${listener}${server.path}`
      const command = canPin ? ['taskset', '-c', String(LOAD_CORE)] : []
      const config = configOn({ listener, admin, gate: server.port })
      envoy = await startEnvoy(name === HTTP ? askingOverHttp(config, server.port) : config, {
        adminPort: admin,
        command,
      })
    },
    async window() {
      const cpuBefore = cpuSeconds(server.pid)
      const envoyBefore = cpuSeconds(envoy.pid)
      const sent = Object.entries(headers).flatMap(([header, value]) => ['-H', `${header}: ${value}`])
      const out = await runProgram('wrk', ['-t1', '-c32', `-d${SECONDS}s`, '--latency', ...sent, url], {
        core: LOAD_CORE,
      })
      const asked = Number(/(\d+) requests in/.exec(out)?.[1])
      // On a machine that is too busy some wait beyond Envoy's timeout, and are 503.
      const late = Number(/Non-2xx or 3xx responses: (\d+)/.exec(out)?.[1] ?? 0)
      if (!(asked > 0) || late > asked / 50) throw new Error(`wrk: ${out}`)
      const requests = asked - late
      return {
        ...figuresOf({ pid: server.pid, cpuBefore, requests, seconds: SECONDS }),
        envoyCpuUs: ((cpuSeconds(envoy.pid) - envoyBefore) / requests) * 1e6,
        p50Ms: msOf(out, '50%'),
        p99Ms: msOf(out, '99%'),
      }
    },
    async stop() {
      await envoy?.stop()
      await server?.stop()
    },
  }
}

const UNITS = { us: 0.001, ms: 1, s: 1_000 }

function msOf(out, share) {
  const [, value, unit] = new RegExp(`${share}\\s+([\\d.]+)(us|ms|s)`).exec(out) ?? []
  return Number(value) * UNITS[unit]
}

function configOn({ listener, admin, gate }) {
  return readFileSync(CONFIG, 'utf8')
    .replace('port_value: 10000', `port_value: ${listener}`)
    .replace('port_value: 9901', `port_value: ${admin}`)
    .replace('port_value: 9191', `port_value: ${gate}`)
    .replace(/route:\s+cluster: storage[\s\S]*?timeout: 0s/, 'direct_response: { status: 200 }')
    .replace(/access_log:[\s\S]*?(?=http_filters:)/, '')
}

/** The same questions over HTTP/1.1. */
const askingOverHttp = (config, port) =>
  config
    .replace(
      /grpc_service: .*/,
      `http_service: { server_uri: { uri: "http://127.0.0.1:${port}", cluster: gate, timeout: 0.25s }, authorization_response: { allowed_upstream_headers: { patterns: [{ prefix: x-media- }] } } }`,
    )
    .replace(/ +typed_extension_protocol_options:[\s\S]*?http2_protocol_options: \{\} \}\n/, '')
    .replace(/ +# A gate that drains[\s\S]*?grpc_health_check: \{\}\n/, '')
    .replace('validate_mutations: true', 'validate_mutations: false')

function goalsOf(rows, hasGo) {
  const ratios = [
    ['small headers', ALWAYS, PEER, 1.2],
    ['2.8 kB headers', ALWAYS, PEER, 1.4],
    ['small headers', OURS, PEER, 1, 'whole gate, cached, against no decision at all'],
    ['2.8 kB headers', OURS, PEER, 1.2, 'whole gate, cached, against no decision at all'],
    ...(hasGo ? [['2.8 kB headers', ALWAYS, GO, 1, 'stretch']] : []),
  ]
  return ['direct', 'through Envoy'].flatMap((way) =>
    [...ratios, ...(way === 'direct' ? [] : [['small headers', HTTP, PEER, 1.8]])]
      .filter(([about]) => rows.some(({ cell }) => cell === `${way}, ${about}`))
      .map(([about, ours, peer, atLeast, note]) =>
        ratioGoal({
          id: `${way}, ${about}: ${ours} / ${peer}`,
          what: `${way}, ${about}: ${ours}, against ${peer}`,
          atLeast,
          rows,
          cell: `${way}, ${about}`,
          ours,
          peer,
          ...(note && { note }),
        }),
      ),
  )
}
