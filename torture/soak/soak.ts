import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkFolder } from '../checks/folder.ts'
import type { Part, PartInput, PartResult } from '../harness/part.ts'
import { programFolder } from '../harness/programs.ts'
import { readJournals } from '../writers/journal.ts'

const PROCESSES = 4
const FULL_PUTS = 100_000
const FULL_MS = 600_000

export const soak: Part = {
  name: 'soak',
  about: 'four processes put, replace, read, delete and collect on one folder',
  unit: 'acknowledged puts',
  fullCount: FULL_PUTS,
  run: soakFolder,
}

async function soakFolder({ folder, count, seed, signal, progress, note }: PartInput): Promise<PartResult> {
  const store = join(folder, 'store')
  const journals = Array.from({ length: PROCESSES }, (_, at) => join(folder, `${at}.journal`))
  const share = Math.ceil(count / PROCESSES)
  // As long as the count is of the whole: a quick machine does more puts, not less time.
  const minMs = Math.round((FULL_MS * count) / FULL_PUTS)
  const startedMs = performance.now()
  const children = journals.map((journal, at) =>
    fork(
      join(programFolder(), 'soak.program.js'),
      [store, journal, `p${at}`, seed * PROCESSES + at, share, minMs].map(String),
    ),
  )
  const stop = (): void => {
    for (const child of children) child.kill('SIGKILL')
  }
  signal.addEventListener('abort', stop, { once: true })
  const watch = setInterval(
    () => progress(Math.round(((performance.now() - startedMs) / minMs) * count)),
    5_000,
  )
  try {
    const done = (await Promise.all(children.map(putsOf))).reduce((sum, puts) => sum + puts, 0)
    const seconds = (performance.now() - startedMs) / 1000
    note(`${done} acknowledged puts in ${seconds.toFixed(0)} s, ${Math.round(done / seconds)} a second`)
    const told = readJournals(await Promise.all(journals.map((journal) => readFile(journal, 'utf8'))))
    const broken = signal.aborted ? told.faults : await checkFolder(store, told)
    const replay = `--seed ${seed} --count ${count}`
    return { done: Math.min(done, count), violations: broken.map((what) => ({ what, replay })) }
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', stop)
    stop()
  }
}

/** What it says last; 0 of one that was killed. */
async function putsOf(child: ChildProcess): Promise<number> {
  let puts = 0
  child.on('message', (said) => {
    puts = Number(said)
  })
  await once(child, 'exit')
  return puts
}
