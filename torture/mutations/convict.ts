import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Bundle from '../harness/bundle.mjs'
import type * as Mutate from '../harness/mutate.mjs'
import { programFolder } from '../harness/programs.ts'
import type { Mutation } from './mutation.ts'

export interface Conviction {
  /** Units of the part that each run took until it saw a violation; `undefined`: it saw none in `maxCount`. */
  readonly counts: readonly (number | undefined)[]
  /** Median of the runs; `undefined` when most saw nothing. */
  readonly median: number | undefined
}

/** Builds everything with the mutation in it and lets its part look for a violation, each run from another seed. */
export async function convict(
  mutation: Mutation,
  { seed, runs, signal }: { readonly seed: number; readonly runs: number; readonly signal: AbortSignal },
): Promise<Conviction> {
  const { by } = mutation
  if ('tests' in by) {
    const isSeen = (await runTests(by.tests, mutation, signal)) !== undefined
    return { counts: [isSeen ? 1 : undefined], median: isSeen ? 1 : undefined }
  }
  const folder = join(programFolder(), '..', `.mutation-${process.pid}-${mutation.id}`)
  await mkdir(folder, { recursive: true })
  try {
    await bundleMutated(folder, mutation)
    const counts: (number | undefined)[] = []
    for (let run = 0; run < runs && !signal.aborted; run++)
      counts.push(await countUntilViolation(folder, by, seed + run * 7_919, signal))
    return { counts, median: medianOf(counts) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The bundler is part of the working tree, not of a bundle. */
async function bundleMutated(folder: string, mutation: Mutation): Promise<void> {
  const harness = join(programFolder(), '../../harness')
  const load = (name: string): Promise<unknown> => import(pathToFileURL(join(harness, name)).href)
  const { bundlePrograms } = (await load('bundle.mjs')) as typeof Bundle
  const { replaceSource } = (await load('mutate.mjs')) as typeof Mutate
  const lines = mutation.also === undefined ? [mutation] : [mutation, mutation.also]
  await bundlePrograms(folder, lines.map(replaceSource))
}

/** In growing steps, so that an early violation costs little. */
async function countUntilViolation(
  folder: string,
  { part, maxCount }: { readonly part: string; readonly maxCount: number },
  seed: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  let done = 0
  for (let step = 1; done < maxCount; step *= 2) {
    const count = Math.min(step, maxCount - done)
    const told = await runPart(folder, part, seed + done, count, signal)
    if (told !== undefined) {
      const seen = /BROKEN: seed (\d+)/.exec(told)?.[1]
      return seen === undefined ? done + count : Number(seen) - seed + 1
    }
    done += count
  }
  return undefined
}

/** What a part printed when it was broken, or broke down, which nobody would overlook either; `undefined`: all was well. */
function runPart(
  folder: string,
  part: string,
  seed: number,
  count: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const args = [join(folder, 'main.js'), '--only', part, '--seed', String(seed), '--count', String(count)]
  return failureOf(args, {}, signal)
}

/** Tests read the sources themselves: vitest's configuration puts the mutation into them. */
function runTests(file: string, mutation: Mutation, signal: AbortSignal): Promise<string | undefined> {
  const vitest = join(root(), 'node_modules/vitest/vitest.mjs')
  const { find, replace } = mutation
  const env = { MEDIAKEEP_TEST_MUTATION: JSON.stringify({ file: mutation.file, find, replace }) }
  return failureOf([vitest, 'run', file], env, signal)
}

const root = (): string => join(programFolder(), '../../..')

async function failureOf(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const child = spawn(process.execPath, args, {
    cwd: root(),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  })
  let told = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      told += chunk.toString()
    })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return code === 0 ? undefined : told
}

function medianOf(counts: readonly (number | undefined)[]): number | undefined {
  const sorted = counts.map((count) => count ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  return middle === undefined || middle === Number.POSITIVE_INFINITY ? undefined : middle
}
