import type { Writable } from 'node:stream'
import type { Streams } from './streams.ts'

/** How a command answers: text for people, JSON for programs. Answers go to stdout, everything about them to stderr. */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  /** Whether the reader of stdout went away, as `head` does: what only tells may stop, what works goes on. */
  readonly isUnread: boolean
  /**
   * One thing: `text` for people, or the value as one line of JSON. Resolves once it is written; nothing once nobody reads.
   * @throws what the system says of stdout: no space, for instance
   */
  item(value: unknown, text: string): Promise<void>
  /** As `item`, of something that failed: with `--quiet`, and without `--json`, it is told on stderr. */
  fault(value: unknown, text: string): Promise<void>
  /** For people only; nothing with `--json` or `--quiet`. */
  note(text: string): void
  /** To stderr, always. */
  complain(text: string): void
}

export function createOutput(
  { stdout, stderr }: Streams,
  { json, quiet }: { readonly json: boolean; readonly quiet: boolean },
): Output {
  let isUnread = false
  const complain = (text: string): void => void stderr.write(`${printable(text)}\n`)
  async function item(value: unknown, text: string): Promise<void> {
    const line = json ? JSON.stringify(value) : quiet ? '' : printable(text)
    if (line === '' || isUnread) return
    await write(stdout, `${line}\n`).catch((error: unknown) => {
      if (!isUnreadError(error)) throw error
      isUnread = true
    })
  }
  return {
    json,
    quiet,
    get isUnread() {
      return isUnread
    },
    item,
    async fault(value, text) {
      if (quiet && !json) complain(text)
      else await item(value, text)
    },
    note(text) {
      if (!json && !quiet) stderr.write(`${printable(text)}\n`)
    },
    complain,
  }
}

function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error === null || error === undefined ? resolve() : reject(error)))
  })
}

/** Whether a write failed because whoever read went away. */
export const isUnreadError = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')

/** Names are user text: control characters in them must not reach a terminal. Tab and newline are ours. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A name within a line: what breaks lines in it must not make one that we did not say. */
export const inLine = (name: string): string => name.replace(/[\t\n]/g, '\ufffd')

/** `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}
