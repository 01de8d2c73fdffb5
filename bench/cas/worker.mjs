import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { answerParent, repeat } from '../harness/worker.mjs'
import { BUFFER_SUBJECTS, SUBJECTS } from './subjects.mjs'

const [name, parent] = process.argv.slice(2)
const { create } = { ...SUBJECTS, ...BUFFER_SUBJECTS }[name]

let folder = ''
let subject
let next = 0
let stored = []

/** An empty store for every turn of puts, so that no bytes are there already and no directory has grown. */
async function open() {
  folder = mkdtempSync(join(parent, 'turn-'))
  subject = await create(folder)
  next = 0
  stored = []
}

async function close() {
  await subject?.close()
  subject = undefined
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
  folder = ''
}

const ACTS = {
  open,
  close,
  /** The first of a turn write to pages that the machine must find first: those are not counted. */
  async warmUp({ sources, concurrency }) {
    const count = Math.min(concurrency * 2, Math.max(1, sources.length >> 2))
    const done = await repeat((index) => subject.put(sources[index % sources.length], index), {
      ms: 60_000,
      concurrency,
      maxCount: count,
    })
    next = done.next
  },
  async put({ sources, concurrency, ms, maxCount }) {
    const left = sources.length - next
    if (left <= 0) return { cost: Number.NaN, cpuUs: Number.NaN }
    const done = await repeat((index) => subject.put(sources[index], index), {
      ms,
      concurrency,
      from: next,
      maxCount: Math.min(maxCount, left),
    })
    next = done.next
    return { cost: done.cost, cpuUs: done.cpuUs, residentMiB: process.memoryUsage.rss() / 2 ** 20 }
  },
  async fill({ sources, count }) {
    for (let index = 0; index < Math.min(count, sources.length); index++)
      stored.push({ at: await subject.put(sources[index], index), source: sources[index] })
  },
  async get({ concurrency, ms }) {
    const done = await repeat(
      async (index) => {
        const { at, source } = stored[(index * 7) % stored.length]
        const bytes = await subject.get(at, source)
        if (bytes !== source.sizeBytes) throw new Error(`${bytes} bytes in place of ${source.sizeBytes}`)
      },
      { ms, concurrency },
    )
    return { cost: done.cost, cpuUs: done.cpuUs, residentMiB: process.memoryUsage.rss() / 2 ** 20 }
  },
}

answerParent(async ({ act, ...input }) => (await ACTS[act](input)) ?? {})
