import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { MediaStore } from '@mediakeep/core'
import { openMediaStore } from 'mediakeep'
import { checkDisk } from '../checks/disk.ts'
import { checkKept } from '../checks/kept.ts'
import { openLater } from '../checks/later.ts'
import { mediakeepSubject } from '../subjects/mediakeep.ts'
import { createJournal, readJournals } from '../writers/journal.ts'
import { ACTS, createStage, FAULTY_ACTS } from './acts.ts'

/** Checks what the kill before it has left, then does one act, which is its last where a kill is waiting in it. */
const [folder = '', file = '', name = '', seed = '', days = '', armedFile = ''] = process.argv.slice(2)
const journal = createJournal(file)

/** From here on calls and statements are counted. */
async function arm(): Promise<void> {
  const go = once(process, 'message')
  process.send?.('ready')
  await go
  writeFileSync(armedFile, '')
}

async function checkAll(store: MediaStore): Promise<void> {
  const told = readJournals([readFileSync(file, 'utf8')])
  const broken = [...(await checkKept(mediakeepSubject(store), told)), ...(await checkDisk(store, folder))]
  for (const what of broken) journal.fault(what)
  if (broken.length > 0) process.exit(1)
}

try {
  if (name === 'create' || name === 'open') {
    await arm()
    const store = name === 'create' ? await openMediaStore(folder) : await openLater(folder, Number(days))
    journal.opened()
    await checkAll(store)
    await store.close()
  } else {
    const act = Object.entries({ ...ACTS, ...FAULTY_ACTS }).find(([known]) => known === name)?.[1]
    if (act === undefined) throw new RangeError(`no act is called ${name}`)
    const store = await openLater(folder, Number(days))
    journal.opened()
    await checkAll(store)
    const stage = createStage(store, journal, Number(seed))
    if ('prepare' in act) await act.prepare(stage)
    await arm()
    await act.run(stage)
    process.send?.('done')
    await store.close()
  }
} catch (error) {
  journal.fault(error instanceof Error ? `${error.stack}` : String(error))
  process.exitCode = 1
}
journal.close()
process.disconnect?.()
