// A store in a folder behind mediaRouter, in a process that can be killed. Does what its parent asks for.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { mediaRouter, openAccess } from '@mediakeep/express'
import { openMediaStore } from 'mediakeep'

const { folder, port } = JSON.parse(process.argv[2] ?? '{}')
const store = await openMediaStore(folder)
const server = createServer(mediaRouter(store, { access: openAccess(), basePath: '/media' }))
server.listen(port, '127.0.0.1')
await once(server, 'listening')

const acts = {
  port: async () => server.address().port,
  media: async () =>
    (await store.list({ limit: 100 })).items.map(({ filename, digest }) => ({ filename, digest })),
  async close() {
    server.closeAllConnections()
    server.close()
    await store.close()
  },
}

const answer = async ({ number, act }) => {
  try {
    process.send({ number, answer: (await acts[act]()) ?? null })
  } catch (error) {
    process.send({ number, failed: String(error) })
  }
  if (act === 'close') process.disconnect()
}
process.on('message', (message) => void answer(message))
process.send({ ready: true })
