import { join } from 'node:path'
import { ratioGoal } from '../harness/goals.mjs'
import { cpuSeconds, SERVER_CORE, startModule } from '../harness/processes.mjs'
import { printCell } from '../harness/report.mjs'
import { measureCell } from '../harness/rounds.mjs'
import { removeFolder, temporaryFolder } from '../harness/temporary.mjs'
import { createSender } from './doors.mjs'

const SERVER = join(import.meta.dirname, 'server.mjs')
const MiB = 2 ** 20
const LIMIT = 'raw: stream to a file, file and folder synced (no hash, no record)'
const FORMS = 'multer to a file, file and folder synced (no hash, no record)'
const TUS = '@tus/server with its file store (no sync)'
const SUBJECTS = [
  { name: 'ours, raw', kind: 'ours', server: 'ours', door: 'raw' },
  { name: 'ours, form', kind: 'ours', server: 'ours', door: 'form' },
  { name: 'ours, presigned', kind: 'ours', server: 'ours', door: 'presigned' },
  { name: 'ours, chunked', kind: 'ours', server: 'ours', door: 'chunked' },
  { name: 'ours, tus', kind: 'ours', server: 'ours', door: 'tus' },
  { name: LIMIT, kind: 'limit', server: 'raw', door: 'raw' },
  { name: FORMS, kind: 'peer', server: 'forms', door: 'form' },
  { name: TUS, kind: 'peer', server: 'tus', door: 'tus' },
]
// Warm: the first hundred small bodies of a process measure how V8 compiles it, and a server meets them once.
const SIZES = {
  '1 MiB': { sizeBytes: MiB, count: 64, warmUp: 96 },
  '100 MiB': { sizeBytes: 100 * MiB, count: 2, warmUp: 1 },
}

/** Uploads over HTTP by every door, durable, the server on a core of its own; pieces of 8 MiB. */
export async function run({ quick, rounds, isChosen, print, say }) {
  const rows = []
  for (const [size, { sizeBytes, count, warmUp }] of Object.entries(SIZES)) {
    for (const concurrency of [1, 8]) {
      const id = idOf(size, concurrency)
      if (!isChosen(id)) continue
      const bodies = Math.max(concurrency, quick ? Math.ceil(count / 2) : count)
      const cell = {
        id,
        bytesPerOperation: sizeBytes,
        subjects: SUBJECTS.map((subject) => subjectOf(subject, { sizeBytes, bodies, warmUp, concurrency })),
      }
      const measured = await measureCell(cell, { rounds, windows: 1, say })
      printCell(cell, measured, print)
      rows.push(...measured)
    }
  }
  return { rows, goals: goalsOf(rows) }
}

const idOf = (size, concurrency) => `upload ${size}, c=${concurrency}`

function subjectOf({ name, kind, server, door }, { sizeBytes, bodies, warmUp, concurrency }) {
  let folder
  let running
  let sender
  const close = async () => {
    sender?.close()
    await running?.stop()
    if (folder !== undefined) removeFolder(folder)
    sender = running = folder = undefined
  }
  return {
    name,
    kind,
    // Each turn has an empty store, and leaves no bytes on the disk for the next.
    async beforeTurn() {
      folder = temporaryFolder('uploads')
      running = await startModule(SERVER, [server, join(folder, 'data')], { core: SERVER_CORE })
      sender = createSender(running.hello.port, sizeBytes)
      await sender.run(door, warmUp, concurrency)
    },
    async window() {
      const startedMs = performance.now()
      const cpuBefore = cpuSeconds(running.pid)
      await sender.run(door, bodies, concurrency)
      return {
        cost: (performance.now() - startedMs) / 1_000 / bodies,
        cpuUs: ((cpuSeconds(running.pid) - cpuBefore) / bodies) * 1e6,
      }
    },
    afterTurn: close,
    stop: close,
  }
}

function goalsOf(rows) {
  const measured = new Set(rows.map(({ cell }) => cell))
  const goals = []
  for (const size of Object.keys(SIZES))
    for (const concurrency of [1, 8]) {
      const cell = idOf(size, concurrency)
      if (!measured.has(cell)) continue
      const add = (ours, peer, atLeast, what) =>
        goals.push(
          ratioGoal({ rows, cell, ours, peer, atLeast, id: `${cell}: ${what}`, what: `${cell}: ${what}` }),
        )
      for (const { name, kind } of SUBJECTS) if (kind === 'ours') add(name, LIMIT, 0.6, `${name} against raw`)
      add('ours, form', FORMS, 1, 'form against multer')
      add('ours, tus', TUS, 1, 'tus against @tus/server')
    }
  return goals
}
