import { join } from 'node:path'
import { findProgram } from '../../scripts/lib/programs.mjs'
import { LOAD_CORE, runProgram } from '../harness/processes.mjs'

export const hasWrk = findProgram('wrk') !== undefined

/**
 * Loads a server from another process for `seconds` and answers `{ requests, seconds, bytes, errors, p50Ms, p99Ms }`.
 * By wrk where it is installed, else by a generator in Node, which is the limit on small bodies itself.
 */
export async function load({ port, list, connections, rangeBytes = 0, sizeBytes, seconds }) {
  const url = `http://127.0.0.1:${port}`
  if (!hasWrk) {
    const script = join(import.meta.dirname, 'load-node.mjs')
    const out = await runProgram(
      process.execPath,
      [script, JSON.stringify({ port, list, connections, rangeBytes, sizeBytes, seconds })],
      { core: LOAD_CORE },
    )
    return JSON.parse(out)
  }
  const out = await runProgram(
    'wrk',
    // wrk takes whole seconds only.
    [
      '-t1',
      `-c${connections}`,
      `-d${Math.max(1, Math.round(seconds))}s`,
      '--timeout',
      '30s',
      '-s',
      join(import.meta.dirname, 'load.lua'),
      url,
      '--',
      list,
      String(rangeBytes),
      String(sizeBytes),
    ],
    { core: LOAD_CORE },
  )
  const line = out.split('\n').find((text) => text.startsWith('{"requests"'))
  if (line === undefined) throw new Error(`wrk said nothing: ${out}`)
  const { durationUs, ...rest } = JSON.parse(line)
  return { ...rest, seconds: durationUs / 1e6 }
}
