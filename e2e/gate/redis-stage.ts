import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, type MediaStore, type ResourceStates } from '@mediakeep/core'
import { type CountingGate, createGate } from '@mediakeep/envoy'
import { ownersOnly } from '@mediakeep/express'
import { expect } from 'vitest'
import { overGrpc } from './over-grpc.ts'
import {
  type AskedGate,
  type LoadReport,
  questionOf,
  type Subject,
  startLoad,
  type Verdict,
} from './steady-load.ts'

/** Of answers that nobody told to have changed: shorter than it is by default, so that one fault sees several of them. */
const LIFE_MS = 1_500
/** With its spread by a tenth, and with a look that began before the change, on a busy machine. */
const LONGEST_LIFE_MS = LIFE_MS * 1.1 + 500
const PER_SECOND = 300
const FAULT_MS = 2_500
const KEPT_LOADING_MS = 60_000
const LATE = 'late'

interface Stage {
  readonly stores: readonly [MediaStore, MediaStore]
  readonly gates: readonly [CountingGate, CountingGate]
  /** The same gates, by the way that the load takes to them. */
  readonly asked: readonly AskedGate[]
  /** What has to come about between the fault and its end. */
  change(): Promise<void>
  readonly subjects: readonly Subject[]
  close(): Promise<void>
}

export interface FaultOptions {
  /** A new handle on the Redis that is to fail. */
  readonly openStates: () => Promise<ResourceStates>
  readonly fault: () => Promise<void>
  readonly end: () => Promise<void>
  /** How long it lasts at least. */
  readonly faultMs?: number
  /** The load goes over gRPC, not straight to the gates. Default false. */
  readonly throughServer?: boolean
  /** What is to be closed after the test is added to it. */
  readonly ends: (() => Promise<unknown>)[]
}

/** Two gates over stores that share a Redis, asked all along: before the fault, in it, and after it until all is as it was. */
export async function askThrough(options: FaultOptions): Promise<void> {
  const { fault, end, faultMs = FAULT_MS, ends } = options
  const stage = await startStage(options)
  ends.push(stage.close)
  const load = startLoad(stage.asked, stage.subjects, PER_SECOND)
  let report: LoadReport
  try {
    await pass(700)
    await fault()
    await stage.change()
    await Promise.all([pass(faultMs), loadedMeanwhile(stage)])
    await end()
    await recovered(stage)
  } finally {
    report = await load.end()
  }
  tell(report, stage)
  expect(report.wrong).toEqual([])
  expect(report.checks).toBeGreaterThan(500)
  expect(shareWithin(report, 150)).toBeGreaterThanOrEqual(0.999)
  expect(report.tookMs.at(-1)).toBeLessThan(200)
  // What needs no Redis is answered all along, and what is cold is loaded without it: "nobody can be asked" is for a busy machine.
  expect(shareOf(report, 'unreachable')).toBeLessThan(0.1)
  await expectRight(stage)
}

async function startStage({ openStates, throughServer, ends }: FaultOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-redis-faults-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const open = async (): Promise<MediaStore> =>
    createMediaStore({
      catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
      tiers: [
        { name: 'disk', store: fsStore({ root: join(folder, 'disk'), stagingHeadRoomBytes: 0 }) },
        {
          name: 'far',
          store: fsStore({ root: join(folder, 'far'), stagingHeadRoomBytes: 0 }),
          serves: false,
        },
      ],
      tiering: { rules: [{ name: 'far', match: { owner: 'far' }, tiers: ['far'] }] },
      resourceStates: await openStates(),
      upkeep: { intervalMs: 0 },
    })
  // One process asks of what the other does, as far as they know each other: by catalog and Redis.
  const stores = [await open(), await open()] as const
  const gateOf = (store: MediaStore): CountingGate =>
    createGate({
      store,
      authorize: ownersOnly({ authenticate: () => undefined }).authorize,
      authenticate: (request) => {
        const id = request.header('x-user')
        return id === undefined ? undefined : { id }
      },
      decisionCache: { readyTtlMs: LIFE_MS, missingTtlMs: LIFE_MS },
    })
  const gates = [gateOf(stores[0]), gateOf(stores[1])] as const
  const other = await openStates()
  const put = async (name: string, owner: string, visibility: 'public' | 'private' = 'public') =>
    stores[1].put(Buffer.from(`the bytes of ${name} ${Math.random()}`), {
      at: { key: name },
      owner,
      visibility,
    })

  const subjects: Subject[] = []
  const subject = (name: string, wrong: Subject['wrong'], user?: string): void =>
    void subjects.push({
      name: name.replace(/\d+$/, ''),
      path: `/media/k/${name}`,
      wrong,
      ...(user === undefined ? {} : { user }),
    })
  for (let n = 0; n < 20; n++) {
    await put(`ready${n}`, 'far-away')
    subject(`ready${n}`, unlessThere)
    subject(`nothing${n}`, ifReady)
  }
  for (let n = 0; n < 5; n++) {
    await put(`private${n}`, 'ann', 'private')
    subject(`private${n}`, ifReady)
    subject(`private${n}`, unlessThere, 'ann')
    await put(`cold${n}`, 'far')
    subject(`cold${n}`, unlessThere)
  }
  // Some other process is loading these, and says so in Redis only: where that is lost they are loaded by us.
  for (let n = 0; n < 5; n++) {
    const { id } = await put(`loading${n}`, 'far')
    const blobId = (await stores[0].locate(id)).names.at(-1) ?? ''
    await other.claim(blobId, { ttlMs: KEPT_LOADING_MS })
    subject(`loading${n}`, unlessThere)
  }
  await other.close()
  const changes = Array.from({ length: 5 }, (_, n) => changing(n))
  for (const { deleted, made } of changes) {
    await put(deleted.name, 'ann')
    subjects.push(deleted, made)
  }
  const asked = throughServer === true ? await Promise.all(gates.map((gate) => overGrpc(gate, ends))) : gates
  return {
    stores,
    gates,
    asked,
    subjects,
    async change() {
      for (const { deleted, made } of changes) {
        deleted.beginMs = performance.now()
        await stores[1].delete({ key: deleted.name })
        deleted.endMs = performance.now()
        made.beginMs = performance.now()
        await put(made.name, 'ann')
        made.endMs = performance.now()
      }
      await put(LATE, 'far')
    },
    async close() {
      for (const gate of gates) gate.close()
      for (const store of stores) await store.close()
    },
  }
}

/** One that is deleted in the fault, and one that is put in it. */
function changing(n: number) {
  const never = Number.POSITIVE_INFINITY
  const times = () => ({ beginMs: never, endMs: never })
  const deleted = {
    name: `deleted${n}`,
    path: `/media/k/deleted${n}`,
    ...times(),
    wrong({ answer, begunMs, endedMs, mayBeStale }: Verdict): string | undefined {
      if (answer.facts.state === 'missing' && endedMs < deleted.beginMs)
        return 'missing before it was deleted'
      const lateMs = begunMs - deleted.endMs
      if (answer.kind === 'forward' && lateMs > LONGEST_LIFE_MS && !mayBeStale)
        return `let through ${Math.round(lateMs)} ms after it was deleted`
      return undefined
    },
  }
  const made = {
    name: `made${n}`,
    path: `/media/k/made${n}`,
    ...times(),
    wrong({ answer, begunMs, endedMs }: Verdict): string | undefined {
      if (answer.kind === 'forward' && endedMs < made.beginMs) return 'let through before it was there'
      const lateMs = begunMs - made.endMs
      if (answer.facts.state === 'missing' && lateMs > LONGEST_LIFE_MS)
        return `missing ${Math.round(lateMs)} ms after it was put`
      return undefined
    },
  }
  return { deleted, made }
}

const ifReady = ({ answer }: Verdict): string | undefined =>
  answer.kind === 'forward' ? 'let through' : undefined
const unlessThere = ({ answer: { facts, ...answer } }: Verdict): string | undefined =>
  facts.state === 'missing' || facts.state === 'denied'
    ? `${facts.state}: ${JSON.stringify(answer)}`
    : undefined

/** What is cold when there is no Redis to share states by is loaded all the same. */
async function loadedMeanwhile({ gates: [gate] }: Stage): Promise<void> {
  const ask = async (): Promise<string> =>
    (await gate.check(questionOf({ path: `/media/k/${LATE}` }))).facts.state
  await expect.poll(ask, { timeout: 10_000 }).toBe('ready')
}

/** States are shared again, and so are changes: sooner than by the end of any answer. */
async function recovered({ stores: [one, other], gates: [gate] }: Stage): Promise<void> {
  await expect.poll(async () => (await one.health()).status, { timeout: 10_000 }).toBe('ok')
  await expect.poll(async () => (await other.health()).status, { timeout: 10_000 }).toBe('ok')
  for (let tries = 0; ; tries++) {
    const key = `told${tries}`
    await other.put(Buffer.from(key), { at: { key }, owner: 'ann', visibility: 'public' })
    const ask = async (): Promise<string> =>
      (await gate.check(questionOf({ path: `/media/k/${key}` }))).facts.state
    await expect.poll(ask).toBe('ready')
    await other.delete({ key })
    const deletedMs = performance.now()
    while ((await ask()) !== 'missing') await pass(5)
    if (performance.now() - deletedMs < LIFE_MS / 3) return
    expect(tries, 'changes are told again').toBeLessThan(5)
  }
}

async function expectRight({ gates, subjects, stores: [store] }: Stage): Promise<void> {
  for (const gate of gates)
    for (const { name, path, user } of subjects) {
      const expected =
        /^(nothing|deleted)/.test(name) || (name === 'private' && user === undefined) ? 'missing' : 'ready'
      const ask = async (): Promise<string> =>
        (await gate.check(questionOf({ path, ...(user === undefined ? {} : { user }) }))).facts.state
      // What another process said to load, and Redis still knows of, is loading.
      if (name !== 'loading') await expect.poll(ask, { timeout: 10_000 }).toBe(expected)
      else expect(['ready', 'loading']).toContain(await ask())
    }
  await expect.poll(async () => (await store.health()).status, { timeout: 10_000 }).toBe('ok')
}

const shareWithin = ({ tookMs }: LoadReport, ms: number): number =>
  tookMs.filter((each) => each <= ms).length / tookMs.length

function shareOf({ states, checks }: LoadReport, reason: string): number {
  const those = Object.entries(states).filter(([words]) => words.endsWith(reason))
  return those.reduce((sum, [, count]) => sum + count, 0) / checks
}

function tell(report: LoadReport, { gates }: Stage): void {
  const { checks, tookMs, longestMs, longestLateMs, states } = report
  const at = (share: number): string => (tookMs[Math.floor(share * (tookMs.length - 1))] ?? 0).toFixed(1)
  const counts = gates.map(({ counts: { hits, looks, joined, stale, failedLooks, fetchesStarted } }) =>
    JSON.stringify({ hits, looks, joined, stale, failedLooks, fetchesStarted }),
  )
  console.log(
    `${checks} checks: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, 99.9 % ${at(0.999)} ms, longest ${at(1)} ms ` +
      `(${longestMs.toFixed(0)} ms with the loop away for up to ${longestLateMs.toFixed(0)} ms of it); ` +
      `${(shareWithin(report, 150) * 100).toFixed(2)} % within 150 ms\n${JSON.stringify(states)}\n${counts.join('\n')}`,
  )
}
