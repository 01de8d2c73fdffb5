export interface RunningEnvoy {
  readonly pid: number
  /** A counter or gauge by its whole name; 0 where Envoy has none of it yet. */
  stat(name: string): Promise<number>
  /** Access log and complaints so far, the last of them. */
  output(): string
  /** Ends it. */
  stop(): Promise<void>
}

export declare const envoyReason: string
/** Where the program is; undefined when it is not installed. */
export declare function findEnvoy(): string | undefined
/** Why no Envoy can be started here; undefined when one can. */
export declare function missingEnvoyReason(): string | undefined
/** Installs the program where it is missing; says whether it is there afterwards. */
export declare function installEnvoy(print?: (line: string) => void): boolean
/** Ports that were free a moment ago, all different. */
export declare function freePorts(count: number): Promise<number[]>
/** What Envoy says of a configuration in YAML; undefined when it takes it. */
export declare function configFault(config: string): string | undefined
/** Starts an Envoy whose admin is on `adminPort` and resolves when it takes requests. */
export declare function startEnvoy(
  config: string,
  options: { readonly adminPort: number; readonly command?: readonly string[] },
): Promise<RunningEnvoy>
