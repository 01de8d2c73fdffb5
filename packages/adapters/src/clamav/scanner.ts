import {
  createSlots,
  MediaError,
  openCallScope,
  type Scanner,
  type ScannerVersion,
  type ScanVerdict,
} from '@mediakeep/core'
import { type Connection, openConnection } from './connection.ts'
import { closedError, scannerError } from './errors.ts'
import { type ClamavScannerOptions, settingsOf } from './options.ts'
import { askVerdict, askVersion } from './session.ts'

/** Scans that may wait for their turn. */
const MAX_WAITING = 1_024
/** Of a verdict that was given without clamd. */
const NOT_ASKED: ScannerVersion = { engine: 'ClamAV', database: 'not-asked' }

export interface ClamavScanner extends Scanner {
  version(options?: { readonly signal?: AbortSignal }): Promise<ScannerVersion>
}

/**
 * Scans bodies by a ClamAV daemon, over TCP or a unix socket. Bodies are streamed as fast as clamd takes them, never held.
 *
 * `clean` only by the line in which clamd says so about the whole body. Unscannable: `size-limit`, `limits-exceeded`, `encrypted`;
 * the last two only where clamd runs with `AlertExceedsMax` and `AlertEncrypted`: without them it calls such bodies clean.
 * @throws MediaError MEDIA_BAD_INPUT `bad-setting` `unknown-option`. Scans throw MEDIA_UNAVAILABLE `scanner-closed`, `scanner-failed`, `scanner-garbled`,
 * `scanner-timeout`, `scanner-unreachable`; MEDIA_BUSY `too-many-scans` when 1,024 wait; MEDIA_CLOSED; what the source throws
 */
export function clamavScanner(options: ClamavScannerOptions = {}): ClamavScanner {
  const settings = settingsOf(options)
  const { name, clock, timeoutMs, maxStreamBytes, maxConcurrency } = settings
  const slots = createSlots({
    maxTaken: maxConcurrency,
    maxWaiting: MAX_WAITING,
    onFull: () =>
      new MediaError('MEDIA_BUSY', `${name}: ${maxConcurrency} scans are under way, ${MAX_WAITING} wait`, {
        reason: 'too-many-scans',
      }),
  })
  const underWay = new Map<AbortController, Promise<void>>()
  let isClosed = false

  /** A turn, a connection and a talk, all ended by the caller's signal, by time or by `close`. */
  async function connected<Result>(
    caller: AbortSignal | undefined,
    end: AbortController,
    talk: (connection: Connection, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const scope = openCallScope(caller === undefined ? undefined : { signal: caller }, clock, end.signal)
    const cancel = clock.after(timeoutMs, () => end.abort(scannerError(name, 'scanner-timeout')))
    let leave = (): void => {}
    try {
      leave = await slots.take(scope.signal)
      const connection = await openConnection(settings, scope.signal)
      try {
        return await talk(connection, scope.signal)
      } finally {
        await connection.close()
      }
    } catch (error) {
      scope.check() // what the abort made of the connection, or of the source, is not the reason
      throw error
    } finally {
      leave()
      cancel()
      scope.release()
    }
  }

  async function ask<Result>(
    caller: AbortSignal | undefined,
    talk: (connection: Connection, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (isClosed) throw closedError(name)
    const end = new AbortController()
    const result = connected(caller, end, talk)
    const forget = (): void => void underWay.delete(end)
    underWay.set(end, result.then(forget, forget))
    return await result
  }

  return {
    name,
    async scan(source, { signal }): Promise<ScanVerdict> {
      if (isClosed) throw closedError(name)
      signal?.throwIfAborted()
      if (source.sizeBytes > maxStreamBytes)
        return { ...NOT_ASKED, verdict: 'unscannable', reason: 'size-limit' }
      return await ask(signal, async (connection, ended) => {
        const version = await askVersion(name, connection)
        return { ...version, ...(await askVerdict(name, connection, source, ended)) }
      })
    },
    version: ({ signal } = {}) => ask(signal, (connection) => askVersion(name, connection)),
    async close() {
      isClosed = true
      for (const end of underWay.keys()) end.abort(closedError(name))
      await Promise.all(underWay.values())
    },
  }
}
