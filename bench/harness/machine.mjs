import { closeSync, fdatasyncSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { canPin } from './processes.mjs'
import { median } from './statistics.mjs'
import { baseFolder, removeFolder, temporaryFolder } from './temporary.mjs'

/** What it was measured on. Part of every result: a figure without it says nothing. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    fileSystem: fileSystemOf(baseFolder()),
    syncMs: Number(measureSyncMs().toFixed(3)),
    pinned: canPin,
    loadAverageBefore: loadavg().map((load) => Number(load.toFixed(2))),
  }
}

export const loadNow = () => loadavg().map((load) => Number(load.toFixed(2)))

/** Type of the file system by /proc/mounts, else the number the kernel gives. */
function fileSystemOf(path) {
  try {
    let best = { at: '', type: 'unknown' }
    for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
      const [, at = '', type = ''] = line.split(' ')
      const holds = path === at || path.startsWith(at.endsWith('/') ? at : `${at}/`)
      if (holds && at.length > best.at.length) best = { at, type }
    }
    return best.type
  } catch {
    return `type ${statfsSync(path).type}`
  }
}

/** How long this disk takes to make 4 KiB durable: what every durable figure stands on. */
function measureSyncMs() {
  const folder = temporaryFolder('sync')
  try {
    const file = openSync(join(folder, 'probe'), 'w')
    const bytes = Buffer.alloc(4096, 1)
    const times = []
    for (let count = 0; count < 50; count++) {
      writeSync(file, bytes, 0, bytes.length, count * bytes.length)
      const startedMs = performance.now()
      fdatasyncSync(file)
      times.push(performance.now() - startedMs)
    }
    closeSync(file)
    return median(times)
  } finally {
    removeFolder(folder)
  }
}
