// Sends and fetches bodies made up on the fly: they are never stored on this side.
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { answerParent } from '../harness/worker.mjs'

const agent = new Agent({ keepAlive: true, maxSockets: 128 })
const block = randomBytes(262_144)
let serial = 0

/** Uploads `sizeBytes` that nobody sent before; answers what the server says of them. */
function upload({ port, path, sizeBytes }) {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        agent,
        headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': sizeBytes },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 201) resolve(JSON.parse(text))
          else reject(new Error(`${response.statusCode} ${text}`))
        })
      },
    )
    sent.on('error', reject)
    const head = Buffer.alloc(Math.min(64, sizeBytes))
    head.write(`bench ${process.pid} ${serial++} ${Date.now()} ${Math.random()}`)
    sent.write(head)
    let left = sizeBytes - head.length
    const send = () => {
      while (left > 0) {
        const part = left < block.length ? block.subarray(0, left) : block
        left -= part.length
        if (!sent.write(part)) return sent.once('drain', send)
      }
      sent.end()
    }
    send()
  })
}

function download({ port, path }) {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent }, (response) => {
      let bytes = 0
      response.on('data', (chunk) => (bytes += chunk.length))
      response.on('error', reject)
      response.on('end', () => resolve(bytes))
    })
      .on('error', reject)
      .end()
  })
}

const ACTS = {
  /** `count` uploads one after the other in each of `parallel` lanes. */
  async upload({ count = 1, parallel = 1, ...about }) {
    const startedMs = performance.now()
    let last
    await Promise.all(
      Array.from({ length: parallel }, async () => {
        for (let index = 0; index < count; index++) last = await upload(about)
      }),
    )
    return { seconds: (performance.now() - startedMs) / 1_000, last }
  },
  /** `perSecond` uploads begun each second for `seconds`, however long they take. */
  async paced({ perSecond, seconds, ...about }) {
    const waiting = []
    let failure
    const startedMs = performance.now()
    let begun = 0
    while (begun < perSecond * seconds) {
      const due = Math.floor(((performance.now() - startedMs) / 1_000) * perSecond)
      for (; begun < Math.min(due, perSecond * seconds); begun++)
        waiting.push(upload(about).catch((/** @type {unknown} */ error) => (failure = error)))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(waiting)
    if (failure !== undefined) throw failure
    return { perSecond: begun / ((performance.now() - startedMs) / 1_000) }
  },
  async download(about) {
    const startedMs = performance.now()
    const bytes = await download(about)
    return { bytes, seconds: (performance.now() - startedMs) / 1_000 }
  },
}

answerParent(({ act, ...about }) => ACTS[act](about))
