// One server of one kind, in a process of its own: node server.mjs setup.json ({ kind, folder, state, files })
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore } from '@mediakeep/core'
import { mediaRouter } from '@mediakeep/express'
import express from 'express'
import sirv from 'sirv'
import { answerParent } from '../harness/worker.mjs'

const { kind, folder, state, files } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

/** The store as a host has it: files, SQLite, verified reads, and a rule that is asked for every request. */
async function openStore() {
  const store = await createMediaStore({
    tiers: [{ name: 'disk', store: fsStore({ root: join(state, 'volume') }) }],
    catalog: sqliteCatalog({ file: join(state, 'catalog.sqlite') }),
    policies: [{ match: '*', allowUnrecognised: true }],
  })
  const paths = []
  for (const { path, name } of files) {
    const media = await store.put({ path }, { filename: name, visibility: 'private', owner: 'bench' })
    paths.push(`/media/${media.id}/content`)
  }
  const principal = { id: 'bench' }
  const access = {
    authenticate: async () => principal,
    authorize: async ({ media }) => media?.owner === 'bench',
  }
  return { store, access, paths }
}

const namePaths = files.map(({ name }) => `/${name}`)

const KINDS = {
  async ours() {
    const { store, access, paths } = await openStore()
    const router = mediaRouter(store, { access, basePath: '/media' })
    return { listener: (request, response) => router(request, response), paths, close: () => store.close() }
  },
  async 'ours in Express 5'() {
    const { store, access, paths } = await openStore()
    return {
      listener: express().use('/media', mediaRouter(store, { access })),
      paths,
      close: () => store.close(),
    }
  },
  async sirv() {
    const serve = sirv(folder, { dev: false, etag: true })
    return {
      listener: (request, response) => serve(request, response, () => notFound(response)),
      paths: namePaths,
    }
  },
  async 'express.static'() {
    return { listener: express().use(express.static(folder)), paths: namePaths }
  },
  /** Opens, reads and closes the file for every request: what most hand-written handlers do, without streams. */
  async 'node:http, file'() {
    const { open } = await import('node:fs/promises')
    return {
      async listener(request, response) {
        const file = await open(join(folder, basename(request.url)), 'r')
        try {
          const { size } = await file.stat()
          const { start, end } = rangeOf(request, size)
          writeHead(response, request, start, end, size)
          for (let at = start; at < end; ) {
            const buffer = Buffer.allocUnsafeSlow(Math.min(262_144, end - at))
            const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
            at += bytesRead
            if (response.destroyed) break
            if (!response.write(buffer) && at < end) await drained(response)
          }
          response.end()
        } finally {
          await file.close()
        }
      },
      paths: namePaths,
    }
  },
  /** The limit of node:http: bytes are in memory, nothing is looked up. */
  async 'node:http, memory'() {
    const bodies = new Map(files.map(({ name, path }) => [`/${name}`, readFileSync(path)]))
    return {
      listener(request, response) {
        const body = bodies.get(request.url)
        if (body === undefined) return notFound(response)
        const { start, end } = rangeOf(request, body.length)
        writeHead(response, request, start, end, body.length)
        response.end(start === 0 && end === body.length ? body : body.subarray(start, end))
      },
      paths: namePaths,
    }
  },
}

function drained(response) {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve()
    const go = () => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

function rangeOf(request, size) {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  return match === null ? { start: 0, end: size } : { start: Number(match[1]), end: Number(match[2]) + 1 }
}

function writeHead(response, request, start, end, size) {
  const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': end - start }
  if (request.headers.range === undefined) response.writeHead(200, headers)
  else response.writeHead(206, { ...headers, 'Content-Range': `bytes ${start}-${end - 1}/${size}` })
}

function notFound(response) {
  response.writeHead(404)
  response.end()
}

const { listener, paths, close } = await KINDS[kind]()
const server = createServer(listener)
server.listen(0, '127.0.0.1', () => {
  answerParent(
    async ({ act }) => {
      if (act === 'close') {
        server.closeAllConnections()
        server.close()
        await close?.()
      }
      return {}
    },
    { port: server.address().port, paths },
  )
})
