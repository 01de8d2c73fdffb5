import type { ScannerVersion } from '@mediakeep/core'

/** What clamd said of a body. `failed`: it tried, and says that it could not. */
export type ScanReply =
  | { readonly verdict: 'clean' }
  | { readonly verdict: 'infected'; readonly signature: string }
  | { readonly verdict: 'unscannable'; readonly reason: UnscannableReason }
  | { readonly verdict: 'failed' }

/**
 * `size-limit`: longer than clamd takes. `limits-exceeded`: it stopped looking inside (an archive too deep, too large, with too many
 * entries, or a file above its `MaxFileSize`). `encrypted`: it cannot look inside.
 */
export type UnscannableReason = 'encrypted' | 'limits-exceeded' | 'size-limit'

/** Of a clamd whose databases are all local: they have no number, and a change of them cannot be seen. */
const UNVERSIONED = 'unversioned'

const VERSION = /^(ClamAV [^\s/]{1,100})(?:\/(\d{1,10}(?:\/[\x20-\x7e]{1,100})?))?$/
const FOUND = /^stream: (.+) FOUND$/s
const ALERTS: readonly (readonly [prefix: string, reason: UnscannableReason])[] = [
  ['Heuristics.Limits.', 'limits-exceeded'],
  ['Heuristics.Encrypted.', 'encrypted'],
]

/** `undefined` for what is no answer of clamd. */
export function parseVersion(reply: string): ScannerVersion | undefined {
  const [, engine, database = UNVERSIONED] = VERSION.exec(reply) ?? []
  return engine === undefined ? undefined : { engine, database }
}

/** `undefined` for what is no answer of clamd: nothing is clean but by the one line that says so. */
export function parseScanReply(reply: string): ScanReply | undefined {
  if (reply === 'stream: OK') return { verdict: 'clean' }
  if (reply === 'INSTREAM size limit exceeded. ERROR') return { verdict: 'unscannable', reason: 'size-limit' }
  const [, found] = FOUND.exec(reply) ?? []
  if (found !== undefined) return verdictOf(found)
  return /(?: ERROR| TIMED OUT)$/.test(reply) ? { verdict: 'failed' } : undefined
}

function verdictOf(found: string): ScanReply {
  for (const [prefix, reason] of ALERTS)
    if (found.startsWith(prefix)) return { verdict: 'unscannable', reason }
  // Names come from databases, and go on to logs and pages.
  return { verdict: 'infected', signature: found.replace(/[^\x20-\x7e]/g, '?') }
}
