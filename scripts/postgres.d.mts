export interface PostgresServer {
  /** For a pool of `pg`. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  /** Ends it and removes its folder. Both also happen when this process dies. */
  stop(): Promise<void>
}
export interface StartPostgresOptions {
  /** Default false: nothing is synced. */
  readonly durable?: boolean
  /** Configuration parameters of the server. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** Folders beside the PATH that hold PostgreSQL, the newest first. */
export function postgresFolders(): string[]
/** Why no server can be started here; `undefined` when one can. */
export function missingPostgresReason(): string | undefined
export function startPostgres(options?: StartPostgresOptions): Promise<PostgresServer>
