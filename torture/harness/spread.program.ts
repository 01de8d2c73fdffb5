import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { parts } from '../parts.ts'
import type { Part } from './part.ts'
import type { Said, Slice } from './spread.ts'

/** Does slices of one part, each when it is asked for, until whoever asks goes away. */
const [name = '', parent = ''] = process.argv.slice(2)
const part = parts.find((one) => one.name === name)
if (part === undefined) throw new RangeError(`no part is called ${name}`)

const ending = new AbortController()
let isAtWork = false
const say = (said: Said): void => void (process.connected && process.send?.(said, () => {}))
// A terminal sends it to every process: whoever asks hears it too, and ends this one.
process.on('SIGINT', () => {})
process.once('disconnect', () => {
  ending.abort()
  if (!isAtWork) process.exit()
})
process.on('message', (asked: Slice | 'end') => {
  if (asked === 'end') ending.abort()
  else void runSlice(part, asked)
})

async function runSlice(part: Part, slice: Slice): Promise<void> {
  const folder = join(parent, `${slice.seed}`)
  isAtWork = true
  try {
    await mkdir(folder)
    const result = await part.run({
      ...slice,
      signal: ending.signal,
      folder,
      progress: (done) => say({ type: 'progress', done }),
      note: (line) => say({ type: 'note', line }),
    })
    await rm(folder, { recursive: true, force: true })
    say({ type: 'result', result })
  } catch (error) {
    say({ type: 'failed', why: inspect(error) })
  }
  isAtWork = false
  if (!process.connected) process.exit()
}
