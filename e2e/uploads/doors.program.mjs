// One media service of several on one folder: presigned and chunked uploads, each principal by a header.
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createKeyRing, createMediaStore } from '@mediakeep/core'
import { mediaRouter, ownersOnly } from '@mediakeep/express'

const { folder, secret, maxBodyBytes } = JSON.parse(process.argv[2] ?? '{}')

const store = await createMediaStore({
  catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
  tiers: [{ name: 'disk', store: fsStore({ root: join(folder, 'disk'), stagingHeadRoomBytes: 0 }) }],
  keys: createKeyRing([{ kid: 'one', secret: Buffer.from(secret, 'hex') }]),
  limits: { maxBodyBytes },
  upkeep: { intervalMs: 0 },
})
const access = ownersOnly({
  authenticate: ({ headers }) => (headers['x-user'] === undefined ? undefined : { id: headers['x-user'] }),
})
const server = createServer(mediaRouter(store, { access, basePath: '/media' }))
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.on('SIGTERM', () => {
  server.closeAllConnections()
  server.close()
  void store.close()
})
