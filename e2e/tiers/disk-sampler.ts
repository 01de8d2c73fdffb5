import { spawn } from 'node:child_process'

/** Looks at a file system from another process every 100 ms; says what it used at most. */
export interface DiskSampler {
  /** @returns most bytes used beyond those that were used at the start, and how often it looked */
  stop(): Promise<{ readonly mostBytes: number; readonly samples: number }>
}

const PROGRAM = `
const { statfsSync } = require('node:fs')
const used = () => { const { blocks, bfree, bsize } = statfsSync(process.argv[1]); return (blocks - bfree) * bsize }
const start = used()
let [most, samples] = [0, 0]
setInterval(() => { most = Math.max(most, used() - start); samples += 1 }, 100)
process.on('SIGTERM', () => { console.log(JSON.stringify({ mostBytes: most, samples })); process.exit(0) })
console.log('ready')
`

export async function sampleDisk(folder: string): Promise<DiskSampler> {
  const child = spawn(process.execPath, ['-e', PROGRAM, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  const isReady = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString()
      if (told.includes('ready')) resolve()
    })
  })
  await isReady
  return {
    async stop() {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      await ended
      return JSON.parse(told.slice(told.indexOf('{'))) as { mostBytes: number; samples: number }
    },
  }
}
