import type { ByteSource, Digest } from '../contracts/bytes.ts'
import type { BlobVerdict, CatalogUploads } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { MediaState } from '../contracts/media.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { Scanner, ScanVerdict } from '../contracts/scanner.ts'
import type { ScanningOptions } from '../contracts/scanning.ts'
import { SCAN_TIMEOUT_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { createSingleFlight } from './single-flight.ts'

/** What a look came to: the state of a content with these bytes, and what is to be kept of the look. */
export interface Looked {
  readonly state: Extract<MediaState, 'active' | 'pending' | 'quarantined'>
  readonly verdict?: BlobVerdict
}

/** What a look that was made came to. */
export interface Settled {
  readonly state: 'active' | 'quarantined'
  readonly verdict: BlobVerdict
}

/** Bytes to be looked at. */
export interface ToScan {
  readonly source: ByteSource
  readonly digest: Digest
  readonly contentType: string
  /** Dedupe domain that they belong to. */
  readonly domain: string
}

export interface Scanning {
  /** Whether there is a scanner. */
  readonly isOn: boolean
  readonly mode: 'sync' | 'async'
  /**
   * What becomes of bytes that come in: known by an earlier verdict, looked at now, or left for later (`pending`).
   * @throws MediaError MEDIA_INVALID `infected` or `unscannable` where the store rejects; what the scanner throws: never taken for clean
   */
  admit(bytes: ToScan, signal: AbortSignal | undefined): Promise<Looked>
  /** Looks now, whatever was known but a release. One look for all who ask for the same bytes at once. @throws what the scanner throws */
  look(bytes: ToScan, signal: AbortSignal | undefined): Promise<Settled>
  /** By what bytes would be looked at now, where the scanner tells. */
  version(signal?: AbortSignal): Promise<{ readonly engine: string; readonly database: string } | undefined>
  close(): Promise<void>
}

export interface ScanningContext {
  readonly scanner: Scanner | undefined
  readonly catalog: Pick<CatalogUploads, 'verdictOf'>
  readonly clock: Clock
  readonly options: ScanningOptions
  emit(event: MediaEvent): void
}

/** How long what a scanner says of itself is believed while bodies come in. */
const VERSION_MS = 10_000

/** The scanner of a store, behind the verdicts that are known. */
export function createScanning(context: ScanningContext): Scanning {
  const { scanner, catalog, clock, options } = context
  const { mode = 'sync', onInfected = 'quarantine', onUnscannable = 'quarantine' } = options
  const flights = createSingleFlight<BlobVerdict>()
  let known: { readonly engine: string; readonly database: string; readonly atMs: number } | undefined

  const version: Scanning['version'] = async (signal) => {
    if (scanner?.version === undefined) return undefined
    const told = await scanner.version(signal === undefined ? {} : { signal })
    known = { ...told, atMs: clock.now() }
    return known
  }
  const versionOfLately: Scanning['version'] = async (signal) =>
    known !== undefined && Math.abs(clock.now() - known.atMs) < VERSION_MS ? known : version(signal)
  const closing = new AbortController()
  const scan = async (of: Scanner, bytes: ToScan, signal: AbortSignal): Promise<BlobVerdict> => {
    const { source, digest, contentType } = bytes
    const lookedAt = new Date(clock.now())
    const found = await of.scan(source, { digest, contentType, signal })
    tell(context, digest, found)
    return { ...verdictOf(found, onUnscannable), lookedAt }
  }
  const look: Scanning['look'] = async (bytes, signal) => {
    if (scanner === undefined)
      throw new MediaError('MEDIA_UNSUPPORTED', 'the store has no scanner', { reason: 'no-scanner' })
    const earlier = await catalog.verdictOf(bytes.domain, bytes.digest)
    if (earlier?.verdict === 'released') return { state: 'active', verdict: earlier }
    const limitMs = options.timeoutMs ?? SCAN_TIMEOUT_MS
    const verdict = await flights.run(
      `${bytes.domain}/${bytes.digest}`,
      () => {
        const ends = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal])
        return withDeadline(clock, limitMs, ends, (until) => scan(scanner, bytes, until))
      },
      signal,
    )
    return { state: stateOf(verdict), verdict }
  }

  return {
    isOn: scanner !== undefined,
    mode,
    version,
    look,
    async admit(bytes, signal) {
      if (scanner === undefined) return { state: 'active' }
      const earlier = await catalog.verdictOf(bytes.domain, bytes.digest)
      const stands = earlier !== undefined && (await isCurrent(earlier, () => versionOfLately(signal)))
      if (!stands && mode === 'async') return { state: 'pending' }
      const looked = stands ? { state: stateOf(earlier), verdict: earlier } : await look(bytes, signal)
      const { verdict } = looked
      const isRefused =
        (verdict.verdict === 'infected' && onInfected === 'reject') ||
        (verdict.verdict === 'unscannable' && onUnscannable === 'reject')
      if (isRefused) throw refused(verdict)
      return looked
    },
    async close() {
      closing.abort(new MediaError('MEDIA_CLOSED', 'the store is closed'))
      await scanner?.close()
    },
  }
}

/** A clean verdict stands as long as nothing newer could look. What was found, or let out by somebody, stands until it is settled anew. */
async function isCurrent(
  { verdict, engine, database }: BlobVerdict,
  version: () => Promise<{ readonly engine: string; readonly database: string } | undefined>,
): Promise<boolean> {
  if (verdict !== 'clean') return true
  const now = await version()
  return now === undefined || (now.engine === engine && now.database === database)
}

/** Where a verdict puts the contents of its bytes. */
export function stateOf({ verdict }: BlobVerdict): 'active' | 'quarantined' {
  return verdict === 'clean' || verdict === 'released' ? 'active' : 'quarantined'
}

function verdictOf(
  found: ScanVerdict,
  onUnscannable: NonNullable<ScanningOptions['onUnscannable']>,
): BlobVerdict {
  const { engine, database } = found
  switch (found.verdict) {
    case 'clean':
      return { verdict: 'clean', engine, database }
    case 'infected':
      return { verdict: 'infected', engine, database, signature: found.signature }
    case 'unscannable':
      // What the host accepts is kept as clean, with the reason why nothing could be told.
      return {
        verdict: onUnscannable === 'accept' ? 'clean' : 'unscannable',
        engine,
        database,
        reason: found.reason,
      }
  }
}

function tell({ clock, emit }: ScanningContext, digest: Digest, found: ScanVerdict): void {
  emit({ type: 'scan.verdict', at: new Date(clock.now()), digest, ...found })
}

function refused({ verdict, signature }: BlobVerdict): MediaError {
  return verdict === 'infected'
    ? new MediaError('MEDIA_INVALID', `the scanner found ${signature ?? 'something'} in the bytes`, {
        reason: 'infected',
      })
    : new MediaError('MEDIA_INVALID', 'the scanner cannot look into these bytes', { reason: 'unscannable' })
}

/** Work that ends by a signal of its own when it takes too long. @throws MediaError MEDIA_TIMEOUT `scan-timeout` */
async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController()
  const cancel = clock.after(ms, () =>
    deadline.abort(new MediaError('MEDIA_TIMEOUT', 'the scanner took too long', { reason: 'scan-timeout' })),
  )
  try {
    return await work(AbortSignal.any([signal, deadline.signal]))
  } finally {
    cancel()
  }
}
