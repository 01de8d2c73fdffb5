// One gate of several: a process with a store of its own over a catalog, a Redis, a folder and a bucket that others share.
import { fsStore } from '@mediakeep/adapters/fs'
import { openRedisStates } from '@mediakeep/adapters/redis'
import { s3Store } from '@mediakeep/adapters/s3'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { awsPrices, createMediaStore } from '@mediakeep/core'
import { extAuthzServer } from '@mediakeep/envoy'

const PATIENT_MS = 5_000
const { catalogFile, root, bucket, redisUrl, sessionTtlMs } = JSON.parse(process.argv[2] ?? '{}')

const states = await openRedisStates({ url: redisUrl })
/** How the loads that this process began have ended. */
const ends = []
const settle = async (lease, to) => {
  try {
    await states.settle(lease, to)
    ends.push(to.state)
  } catch (error) {
    ends.push(`${to.state}, ${error.code}`)
    throw error
  }
}
const store = await createMediaStore({
  catalog: sqliteCatalog({ file: catalogFile }),
  tiers: [
    { name: 'disk', store: fsStore({ root, stagingHeadRoomBytes: 0 }) },
    { name: 's3', store: s3Store({ ...bucket, paid: true }), prices: awsPrices('us-east-1') },
  ],
  resourceStates: { ...states, settle },
  upkeep: { intervalMs: 0, garbageGraceMs: 0 },
  sessionTtlMs,
})
const server = extAuthzServer({
  store,
  // Nobody asks here how fast an answer comes: machines that run tests are busy.
  answerWithinMs: PATIENT_MS,
  decisionCache: { lookTimeoutMs: PATIENT_MS },
  authorize: ({ action, media }) => action === 'read' && media?.visibility === 'public',
})
const { port } = await server.listen({ port: 0 })

const acts = {
  port: () => port,
  counts: () => server.counts,
  ends: () => ends,
  async close() {
    await server.close()
    await store.close()
  },
}

const answer = async ({ number, act }) => {
  try {
    process.send({ number, answer: (await acts[act]()) ?? null })
  } catch (error) {
    process.send({ number, failed: `${error.code ?? ''} ${error.reason ?? ''} ${error.message}` })
  }
  if (act === 'close') process.disconnect()
}
process.on('message', (message) => void answer(message))
process.send({ ready: true })
