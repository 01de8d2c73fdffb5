import cliProgress from 'cli-progress'
import { formatBytes, printable } from './output.ts'
import type { Streams } from './streams.ts'

/** A bar per thing under way: on stderr, and only on a terminal. */
export interface Progress {
  start(name: string, totalBytes: number | undefined): ProgressBar
  /** Counts things instead of bytes, of which nobody knows how many there are. */
  startCount(name: string): ProgressBar
  /** Leaves the terminal as a line of its own. */
  stop(): void
}

export interface ProgressBar {
  update(doneBytes: number): void
  end(): void
}

const SILENT_BAR: ProgressBar = { update: () => {}, end: () => {} }
const SILENT: Progress = { start: () => SILENT_BAR, startCount: () => SILENT_BAR, stop: () => {} }

export function createProgress({ stderr }: Streams, silent: boolean): Progress {
  if (silent || stderr.isTTY !== true) return SILENT
  const bars = new cliProgress.MultiBar(
    {
      stream: stderr,
      format: ' {bar} {percentage}% | {done} of {all} | {name}',
      clearOnComplete: false,
      hideCursor: true,
      emptyOnZero: true,
    },
    cliProgress.Presets.shades_classic,
  )
  return {
    start(name, totalBytes) {
      const all = totalBytes === undefined ? '?' : formatBytes(totalBytes)
      const bar = bars.create(Math.max(1, totalBytes ?? 1), 0, {
        name: printable(name),
        done: formatBytes(0),
        all,
      })
      return {
        update(doneBytes) {
          if (totalBytes === undefined) bar.setTotal(Math.max(1, doneBytes))
          bar.update(doneBytes, { done: formatBytes(doneBytes) })
        },
        end: () => bar.stop(),
      }
    },
    startCount(name) {
      const bar = bars.create(1, 0, { name: printable(name), done: 0, all: '?' })
      return {
        update(done) {
          bar.setTotal(Math.max(1, done))
          bar.update(done, { done })
        },
        end: () => bar.stop(),
      }
    },
    stop: () => bars.stop(),
  }
}
