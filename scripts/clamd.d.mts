export interface ClamdSignature {
  readonly name: string
  /** What a body must hold to be found; four bytes or more. */
  readonly bytes: Uint8Array
}

export interface StartClamdOptions {
  /** Default: the one of the test file of all scanners, `eicar()`. */
  readonly signatures?: readonly ClamdSignature[]
  /** `StreamMaxLength`. Default 100 MiB. */
  readonly maxStreamBytes?: number
  /** Of clamd.conf, on top of ours. */
  readonly settings?: Readonly<Record<string, string | number>>
}

export interface ClamdServer {
  readonly host: string
  readonly port: number
  readonly socketPath: string
  readonly pid: number
  /** What it answers to a command, `VERSION` for instance. */
  ask(command: string): Promise<string>
  /** It stands still, and its connections with it, until `resume`. */
  pause(): void
  resume(): void
  /** It dies at once. `stop` is still to be called. */
  kill(): void
  /** Loads a database of other signatures, of the next number, and resolves when scans are done with it. */
  reload(signatures?: readonly ClamdSignature[]): Promise<void>
  /** Ends it and removes its folder. Both also happen when this process dies. */
  stop(): Promise<void>
}

/** Why no daemon can be started here; `undefined` when one can. */
export function missingClamdReason(): string | undefined
/** The 68 bytes that every scanner takes for a virus, and that are none. */
export function eicar(): Buffer
export function startClamd(options?: StartClamdOptions): Promise<ClamdServer>
