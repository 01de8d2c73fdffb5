export type ObjectServerName = 'minio' | 'versitygw'

export interface ObjectServer {
  readonly endpoint: string
  readonly host: string
  readonly port: number
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly folder: string
  readonly pid: number
  /** Ends it and removes its folder. */
  stop(): Promise<void>
  /** Ends it at once, as a power cut would; its folder stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and folder. */
  restart(): Promise<void>
}

export declare const objectServers: Readonly<
  Record<ObjectServerName, { readonly module: string; readonly reason: string }>
>
export declare function findServer(name: ObjectServerName): string | undefined
/** Why tests against this server cannot run here; undefined when they can. */
export declare function missingServer(name: ObjectServerName): string | undefined
export declare function buildServer(name: ObjectServerName, print?: (line: string) => void): boolean
export declare function startMinio(): Promise<ObjectServer>
export declare function startVersitygw(): Promise<ObjectServer>
