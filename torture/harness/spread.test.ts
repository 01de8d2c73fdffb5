import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { simulation } from '../simulation/part.ts'
import type { Part } from './part.ts'
import { useBundledPrograms } from './short-form.ts'
import { runSpread } from './spread.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-torture-spread-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const inProcess: Part = {
  name: 'sample',
  about: 'a sample',
  unit: 'seeds',
  fullCount: 600,
  spread: { units: 10, seeds: 3 },
  run: async ({ seed, count }) => ({
    done: count,
    violations: [{ what: `in process: ${seed}`, replay: '' }],
  }),
}

async function run(part: Part, count: number, over: { signal?: AbortSignal; body?: string } = {}) {
  const notes: string[] = []
  const progress: number[] = []
  const program = join(folder, 'program.mjs')
  if (over.body !== undefined) await writeFile(program, over.body)
  const result = await runSpread(
    part,
    {
      count,
      seed: 100,
      signal: over.signal ?? new AbortController().signal,
      folder,
      progress: (done) => progress.push(done),
      note: (line) => notes.push(line),
    },
    { processes: 2, ...(over.body === undefined ? {} : { program }) },
  )
  return { result, notes, progress }
}

const TELLS = `process.on('message', ({ seed, count }) => {
  process.send({ type: 'note', line: String(seed) })
  process.send({ type: 'progress', done: count })
  const violations = [{ what: seed + ' x ' + count, replay: '--seed ' + seed }]
  process.send({ type: 'result', result: { done: count, violations, figures: { acts: count * 2 } } })
})`

it('gives each slice its seed, adds up what they did, and tells violations in the order of the seeds', async () => {
  const { result, notes, progress } = await run(inProcess, 35, { body: TELLS })
  expect(result).toEqual({
    done: 35,
    violations: [
      { what: '100 x 10', replay: '--seed 100' },
      { what: '103 x 10', replay: '--seed 103' },
      { what: '106 x 15', replay: '--seed 106' },
    ],
    figures: { acts: 70 },
  })
  expect(notes.toSorted()).toEqual(['100', '103', '106'])
  expect(progress.at(-1)).toBe(35)
})

it('runs what is one slice in this process, as a replay is', async () => {
  const { result } = await run(inProcess, 19, { body: TELLS })
  expect(result.violations).toEqual([{ what: 'in process: 100', replay: '' }])
  const whole = await run({ ...inProcess, spread: { units: 1, seeds: 1 } }, 1, { body: TELLS })
  expect(whole.result.violations).toEqual([{ what: 'in process: 100', replay: '' }])
})

it('lets every process end its unit at the abort, and hears what it did', async () => {
  const ending = new AbortController()
  const body = `process.on('message', (asked) => {
    if (asked === 'end') process.send({ type: 'result', result: { done: 4, violations: [] } })
    else process.send({ type: 'progress', done: 4 })
  })`
  const progress: number[] = []
  const program = join(folder, 'program.mjs')
  await writeFile(program, body)
  const { done } = await runSpread(
    inProcess,
    {
      count: 500,
      seed: 1,
      signal: ending.signal,
      folder,
      progress(soFar) {
        progress.push(soFar)
        if (soFar === 8) ending.abort()
      },
      note: () => {},
    },
    { processes: 2, program },
  )
  expect(done).toBe(8)
})

it('throws what a slice threw, and how a process ended', async () => {
  const throwing = `process.on('message', () => process.send({ type: 'failed', why: 'it broke' }, () => {}))`
  await expect(run(inProcess, 40, { body: throwing })).rejects.toThrow('it broke')
  await rm(join(folder, 'process-0'), { recursive: true, force: true })
  await rm(join(folder, 'process-1'), { recursive: true, force: true })
  const dying = `process.on('message', () => process.kill(process.pid, 'SIGKILL'))`
  await expect(run(inProcess, 40, { body: dying })).rejects.toThrow('ended with SIGKILL in seeds from 10')
})

describe('with the bundled programs', () => {
  useBundledPrograms()

  it('seeds do in several processes what they do in one', async () => {
    const part: Part = { ...simulation, spread: { units: 3, seeds: 3 } }
    const { result } = await run(part, 6)
    const input = { seed: 100, count: 6, folder, signal: new AbortController().signal }
    expect(result).toEqual(await simulation.run({ ...input, progress: () => {}, note: () => {} }))
    expect(result.done).toBe(6)
  })
})
