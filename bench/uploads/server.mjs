// One server that takes uploads: ours by every door, a peer, or the limit. Arguments: subject, folder.
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const [subject, folder] = process.argv.slice(2)

/** Ours: files and SQLite, durable, as a host has it in ten lines. */
async function ours() {
  const { openMediaStore } = await import('mediakeep')
  const { mediaRouter, openAccess } = await import('@mediakeep/express')
  const store = await openMediaStore(folder, {
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
  })
  const router = mediaRouter(store, { access: openAccess(), basePath: '/media' })
  return { listener: (request, response) => router(request, response), close: () => store.close() }
}

/** What any durable write must do: bytes to a file, file and folder synced. */
async function keep(stream) {
  const [from, to] = [join(folder, `.${randomUUID()}`), join(folder, randomUUID())]
  await pipeline(stream, createWriteStream(from, { flush: true }))
  await rename(from, to)
  const directory = await open(folder)
  await directory.sync()
  await directory.close()
}

async function raw() {
  await mkdir(folder, { recursive: true })
  return {
    listener: (request, response) =>
      void keep(request).then(
        () => response.writeHead(201).end(),
        (/** @type {unknown} */ error) =>
          response.writeHead(500).end(error instanceof Error ? error.message : 'failed'),
      ),
    close: async () => {},
  }
}

/** A storage of multer's that is as durable as ours: its own writes files and syncs nothing. */
const durableStorage = {
  _handleFile(_request, file, done) {
    void keep(file.stream).then(() => done(null, {}), done)
  },
  _removeFile(_request, _file, done) {
    done(null)
  },
}

async function forms() {
  const { default: multer } = await import('multer')
  await mkdir(folder, { recursive: true })
  const take = multer({ storage: durableStorage }).single('file')
  return {
    listener: (request, response) =>
      take(request, response, (/** @type {unknown} */ error) => {
        if (error instanceof Error) response.writeHead(500).end(error.message)
        else response.writeHead(201).end()
      }),
    close: async () => {},
  }
}

async function tusReference() {
  const { Server } = await import('@tus/server')
  const { FileStore } = await import('@tus/file-store')
  await mkdir(folder, { recursive: true })
  const server = new Server({ path: '/media/tus', datastore: new FileStore({ directory: folder }) })
  return { listener: (request, response) => void server.handle(request, response), close: async () => {} }
}

const SUBJECTS = { ours, raw, forms, tus: tusReference }
const { listener, close } = await SUBJECTS[subject]()
const server = createServer({ requestTimeout: 0 }, listener)
server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }))
process.once('SIGTERM', () => void end())

async function end() {
  server.closeAllConnections()
  server.close()
  await close()
  process.exit(0)
}
