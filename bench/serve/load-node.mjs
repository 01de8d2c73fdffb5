// A small load generator for machines without wrk: node load-node.mjs '{port, list, connections, ...}'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { median, percentile } from '../harness/statistics.mjs'

const { port, list, connections, rangeBytes, sizeBytes, seconds } = JSON.parse(process.argv[2])
const paths = readFileSync(list, 'utf8').trim().split('\n')
const agent = new Agent({ keepAlive: true, maxSockets: connections })
const times = []
let bytes = 0
let errors = 0
const startedMs = performance.now()
const endsMs = startedMs + seconds * 1_000

function once() {
  return new Promise((resolve) => {
    const path = paths[Math.floor(Math.random() * paths.length)]
    const start = Math.floor(Math.random() * (sizeBytes - rangeBytes))
    const headers = rangeBytes === 0 ? {} : { Range: `bytes=${start}-${start + rangeBytes - 1}` }
    const fromMs = performance.now()
    const fail = () => {
      errors++
      resolve()
    }
    get({ port, host: '127.0.0.1', path, agent, headers }, (response) => {
      if (response.statusCode >= 400) errors++
      response.on('data', (chunk) => (bytes += chunk.length))
      response.on('error', fail)
      response.on('end', () => {
        times.push(performance.now() - fromMs)
        resolve()
      })
    }).on('error', fail)
  })
}

await Promise.all(
  Array.from({ length: connections }, async () => {
    while (performance.now() < endsMs) await once()
  }),
)
agent.destroy()
const result = {
  requests: times.length,
  seconds: (performance.now() - startedMs) / 1_000,
  bytes,
  errors,
  p50Ms: median(times),
  p99Ms: percentile(times, 0.99),
}
console.log(JSON.stringify(result))
