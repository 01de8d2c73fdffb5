import { inspect } from 'node:util'
import { digestHex, digestOf, isMediaError } from '@mediakeep/core'
import { seededRandom } from '@mediakeep/testkit'
import { leastRemains, randomRemains } from '../fault-fs/remains.ts'
import { type Image, ROOT } from '../simulation/image.ts'
import type { Act } from './act.ts'
import type { Case } from './cases.ts'
import { type BreakCalls, createStage, reviveStage, SESSION_TTL_MS, type Stage } from './stage.ts'

/** Ended uploads are remembered for a day. */
const ENDED_UPLOADS_MS = 25 * 3_600_000
/** Turns of the event loop after which something that waits for nothing waits for ever. */
const MAX_TURNS = 3_000

/** Runs one case to its end and says what was broken; `undefined` when nothing was. */
export async function runCase(
  { act, fault }: Case,
  image: Image,
  breakCalls?: BreakCalls,
): Promise<string | undefined> {
  const stage = await createStage(image, breakCalls)
  await act.prepare?.(stage)
  stage.arm(fault)
  if (fault.layer === 'power') return runCut(stage, act, fault.leaves)
  const error = await outcome(act.act(stage))
  stage.disarm()
  try {
    if (error !== undefined && !isMediaError(error))
      return `it failed with ${inspect(error)}, which is no MediaError`
    const left = leaks(stage)
    if (left !== undefined) return `after it ${left}`
    const seen = await act.look(stage)
    // Where an answer was lost the act may have worked all the same; background work tells failures as events.
    const mayBeDone = error === undefined || fault.layer === 'catalog'
    const mayBeUndone = error !== undefined || isBackground(act.name)
    const isFine =
      (mayBeDone && seen === act.done) || (mayBeUndone && seen === act.undone) || isPartly(act.name, seen)
    if (!isFine)
      return `${error === undefined ? 'it worked' : `it failed (${String(error)})`}, and there is ${brief(seen)}`
    const again = await outcome(act.act(stage))
    if (again !== undefined) return `it cannot be done again: ${inspect(again)}`
    const after = await act.look(stage)
    if (after !== act.done) return `done again there is ${brief(after)}`
    return await settle(stage)
  } catch (problem) {
    return `it cannot be looked at: ${inspect(problem)}`
  }
}

/** The process and the power end in the middle of the act; the next process finds all or nothing of it, and does it again. */
async function runCut(dead: Stage, act: Act, leaves: 'least' | number): Promise<string | undefined> {
  const ended = await outcome(Promise.race([act.act(dead), untilStopped(dead)]))
  if (ended !== undefined) return `it failed before its end: ${inspect(ended)}`
  dead.disk.cutPower(leaves === 'least' ? leastRemains : randomRemains(seededRandom(leaves), 'weak'))
  try {
    const stage = await reviveStage(dead)
    const seen = await act.look(stage)
    if (seen !== act.done && seen !== act.undone) return `there is ${brief(seen)}`
    const again = await outcome(act.act(stage))
    if (again !== undefined) return `it cannot be done again: ${inspect(again)}`
    const after = await act.look(stage)
    return after === act.done ? await settle(stage) : `done again there is ${brief(after)}`
  } catch (problem) {
    return `it cannot be looked at: ${inspect(problem)}`
  }
}

async function untilStopped(stage: Stage): Promise<void> {
  while (!stage.isStopped) await new Promise((resolve) => setImmediate(resolve))
}

const isBackground = (name: string): boolean => /collect|expire|verify/.test(name)

/** Of several things that upkeep does some may be done. */
const isPartly = (name: string, seen: string): boolean =>
  (name.startsWith('collect') && seen === '1 objects') || (name === 'expire' && /^[01] [01]$/.test(seen))

const brief = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}... (${text.length})` : text)

/** What the work rejected with; an error of its own when it does not end. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  let ended: { readonly error: unknown } | undefined
  work.then(
    () => {
      ended = { error: undefined }
    },
    (error: unknown) => {
      ended = { error: error ?? new Error('it rejected with nothing') }
    },
  )
  for (let turn = 0; turn < MAX_TURNS && ended === undefined; turn++)
    await new Promise((resolve) => setImmediate(resolve))
  return ended === undefined ? new Error('it never ends') : ended.error
}

function leaks({ objects, process }: Stage): string | undefined {
  if (objects.openCount > 0) return `${objects.openCount} readers or writers are open`
  if (objects.staging.usedBytes > 0) return `${objects.staging.usedBytes} bytes of staging are held`
  const [misuse] = process.misuses
  return misuse === undefined ? undefined : `a closed descriptor was used: ${misuse}`
}

/** Upkeep past every grace, close, and a power cut: disk and catalog are the same, and nothing is open. */
async function settle(stage: Stage): Promise<string | undefined> {
  const { store, clock, tables, process, disk } = stage
  for (let round = 0; round < 2; round++) {
    clock.advance(round === 0 ? SESSION_TTL_MS + 2_000 : ENDED_UPLOADS_MS)
    for await (const _ of store.upkeep.expire()) continue
    for await (const _ of store.upkeep.collectGarbage({ thorough: true, force: true })) continue
  }
  const temporary = [...namesOn(stage)].filter((name) => name.includes('~'))
  await store.close()
  if (temporary.length > 0) return `${temporary.join(', ')} is left`
  if (process.openCount > 0) return `${process.openCount} files are open after close`
  if (clock.pendingTimers > 0) return `${clock.pendingTimers} timers run after close`
  if (tables.sessions.size > 0) return `${tables.sessions.size} sessions are left`
  for (const { reservedBytes } of tables.volumes.values())
    if (reservedBytes !== 0) return 'bytes are reserved'
  disk.cutPower(leastRemains)
  const named = [...tables.placements.values()].map(({ key }) => key).sort()
  const there = [...namesOn(stage)].filter((name) => !name.includes('~')).sort()
  if (named.join() !== there.join())
    return `after a power cut there is ${there.join() || 'nothing'}, and the catalog names ${named.join() || 'nothing'}`
  for (const key of there) {
    const node = disk.node(`${ROOT}/objects/${key}`, 'check')
    if (node.kind !== 'file' || !key.slice(3).startsWith(digestHex(digestOf(node.bytes))))
      return `after a power cut ${key} has other bytes`
  }
  return undefined
}

function* namesOn({ disk }: Stage): Generator<string> {
  for (const shard of disk.directory(`${ROOT}/objects`)?.entries.keys() ?? [])
    for (const name of disk.directory(`${ROOT}/objects/${shard}`)?.entries.keys() ?? [])
      yield `${shard}/${name}`
  for (const name of disk.directory(`${ROOT}/staging`)?.entries.keys() ?? []) yield `staging/${name}`
}
