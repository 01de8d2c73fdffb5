import { type Clock, MediaError, type OptionNames, refuseUnknown, systemClock } from '@mediakeep/core'

const HOST = '127.0.0.1'
const PORT = 3_310
const CONNECT_TIMEOUT_MS = 5_000
/** Above the longest scan of clamd as it comes (MaxScanTime, 120 s), in which it says nothing. */
const IDLE_TIMEOUT_MS = 150_000
const TIMEOUT_MS = 600_000
/** Below the threads of clamd as it comes (MaxThreads, 10): what waits here can be ended, what waits there cannot. */
const MAX_CONCURRENCY = 8

export interface ClamavScannerOptions {
  /** Default `clamav`. */
  readonly name?: string
  /** `TCPAddr` of clamd. Default `127.0.0.1`. */
  readonly host?: string
  /** `TCPSocket` of clamd. Default 3310. */
  readonly port?: number
  /** `LocalSocket` of clamd, in place of host and port. */
  readonly socketPath?: string
  /** Default 5 s. */
  readonly connectTimeoutMs?: number
  /** How long clamd may take no bytes, or think about its answer. Default 150 s: clamd itself gives up after 120 s (`MaxScanTime`). */
  readonly idleTimeoutMs?: number
  /** How long a scan may take in all, its wait for a turn included. Default 10 min. */
  readonly timeoutMs?: number
  /**
   * `StreamMaxLength` of clamd: longer bodies are told *unscannable* without sending them. Default: none, so that clamd says it
   * when it has taken as much.
   */
  readonly maxStreamBytes?: number
  /** Connections at once; more scans wait for their turn. Stay below `MaxThreads` of clamd, all processes together. Default 8. */
  readonly maxConcurrency?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

const OPTIONS: OptionNames<ClamavScannerOptions> = {
  name: true,
  host: true,
  port: true,
  socketPath: true,
  connectTimeoutMs: true,
  idleTimeoutMs: true,
  timeoutMs: true,
  maxStreamBytes: true,
  maxConcurrency: true,
  clock: true,
}

export type ClamavAddress = { readonly host: string; readonly port: number } | { readonly path: string }

export interface ClamavSettings {
  readonly name: string
  readonly address: ClamavAddress
  readonly connectTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly timeoutMs: number
  readonly maxStreamBytes: number
  readonly maxConcurrency: number
  readonly clock: Clock
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-setting` `unknown-option` */
export function settingsOf(options: ClamavScannerOptions): ClamavSettings {
  refuseUnknown('clamavScanner', options, OPTIONS)
  const settings: ClamavSettings = {
    name: options.name ?? 'clamav',
    address: addressOf(options),
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMs: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    maxStreamBytes: options.maxStreamBytes ?? Number.POSITIVE_INFINITY,
    maxConcurrency: options.maxConcurrency ?? MAX_CONCURRENCY,
    clock: options.clock ?? systemClock,
  }
  const { connectTimeoutMs, idleTimeoutMs, timeoutMs, maxStreamBytes, maxConcurrency } = settings
  for (const [key, ms] of Object.entries({ connectTimeoutMs, idleTimeoutMs, timeoutMs }))
    if (!(ms > 0)) throw badSetting(`${key} is more than 0`)
  if (!(maxStreamBytes >= 0)) throw badSetting('maxStreamBytes is 0 or more')
  if (!Number.isInteger(maxConcurrency) || maxConcurrency < 1) throw badSetting('maxConcurrency is 1 or more')
  return settings
}

function addressOf({ host, port, socketPath }: ClamavScannerOptions): ClamavAddress {
  if (socketPath === undefined) {
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
      throw badSetting('port is 1 to 65535')
    if (host === '') throw badSetting('host is a name or an address')
    return { host: host ?? HOST, port: port ?? PORT }
  }
  if (host !== undefined || port !== undefined) throw badSetting('give socketPath, or host and port')
  if (socketPath === '') throw badSetting('socketPath is a path')
  return { path: socketPath }
}

function badSetting(what: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `clamav: ${what}`, { reason: 'bad-setting' })
}
