import type { ChildProcess } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import {
  armedFile,
  exitOf,
  isReady,
  type Point,
  type StrikeOptions,
  startAct,
  startTracer,
  threadsOf,
} from './strike.ts'

/** Calls that change what others see, or that hold and release what others wait for. */
const SYSCALLS =
  'openat,write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,' +
  'ftruncate,fallocate,mkdir,mkdirat,fchmod,utimensat,copy_file_range,close,fcntl'

/** Does the act twice, undisturbed, and names every call below the folder and every statement as a point to kill at. */
export async function findPoints(options: StrikeOptions): Promise<readonly Point[]> {
  await leaveSomething(options)
  const calls = await findCalls(options)
  await rm(options.folder, { recursive: true, force: true })
  await rm(options.journal)
  await leaveSomething(options)
  return [...calls, ...(await findStatements(options))]
}

/** An opening has a store and its log to recover; every other act brings its own. */
async function leaveSomething(options: StrikeOptions): Promise<void> {
  if (options.act !== 'open') return
  const child = startAct({ ...options, act: 'new' }, undefined)
  await isReady(child)
  await actOut(child)
}

async function findCalls(options: StrikeOptions): Promise<readonly Point[]> {
  const trace = `${options.journal}.trace`
  const child = startAct(options, undefined)
  if (!(await isReady(child))) throw new Error(`${options.act} failed before it began`)
  const tracer = await startTracer(['-f', '-y', '-p', `${child.pid}`, '-o', trace, '-e', `trace=${SYSCALLS}`])
  const threads = threadsOf(child)
  await actOut(child)
  await tracer.ended
  const lines = (await readFile(trace, 'utf8')).split('\n')
  await rm(trace)
  const isOpening = options.act === 'open' || options.act === 'create'
  return callsOf(lines, `${options.folder}/`, isOpening ? [] : threads)
}

/** Apart from the calls: the counting writes a file of its own. */
async function findStatements(options: StrikeOptions): Promise<readonly Point[]> {
  const child = startAct(options, 0)
  if (!(await isReady(child))) throw new Error(`${options.act} failed before it began`)
  await actOut(child)
  const counted = await readFile(`${armedFile(options)}.statements`, 'utf8').catch(() => '')
  return Array.from({ length: counted.length }, (_, at): Point => ({ type: 'statement', nth: at + 1 }))
}

/** Lets the act run to its end, and nothing after it. */
async function actOut(child: ChildProcess): Promise<void> {
  const done = Promise.race([isReady(child), exitOf(child)])
  child.send('go')
  await done
  child.kill('SIGKILL')
  await exitOf(child)
}

/** @param threads empty when threads come into being during the act, which then cannot be told apart beforehand */
export function callsOf(
  lines: readonly string[],
  folder: string,
  threads: readonly number[],
): readonly Point[] {
  const counts = new Map<string, number>()
  const points = new Map<string, Point>()
  for (const line of lines) {
    const [, tid, syscall] = /^(\d+) +(\w+)\(/.exec(line) ?? []
    if (tid === undefined || syscall === undefined) continue
    const nth = (counts.get(`${tid} ${syscall}`) ?? 0) + 1
    counts.set(`${tid} ${syscall}`, nth)
    if (!line.includes(folder)) continue
    const at = threads.indexOf(Number(tid))
    const thread = at < 0 ? 'all' : at
    points.set(`${thread} ${syscall} ${nth}`, { type: 'syscall', thread, syscall, nth })
  }
  return [...points.values()]
}
