/** As much of a `Pool` of `pg` as the catalog uses. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  /** Tells of each connection as it is made. A pool that tells of none must see to their errors itself until they are lent. */
  on?(event: 'connect', listener: (client: PostgresClient) => void): unknown
  removeListener?(event: 'connect', listener: (client: PostgresClient) => void): unknown
}

/** As much of a client of `pg` as the catalog uses. */
export interface PostgresClient {
  /** True where the client sends queries before the answers of others: then it takes no batches. */
  readonly pipeline?: boolean
  query(text: string): Promise<unknown>
  query(submitted: SubmittedQuery): unknown
  /** With `true` or an error the connection is closed and not used again. */
  release(error?: boolean | Error): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** What `pg` calls a submittable: a query that writes its own messages. */
export interface SubmittedQuery {
  /** Called by the client with the outcome; it may put its own function around it. */
  callback: (error: unknown, answers?: unknown) => void
  submit(connection: WireConnection): Error | null | undefined
  handleRowDescription(message: unknown): void
  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void
  handleCommandComplete(message: { readonly text: string }): void
  handleEmptyQuery(): void
  handlePortalSuspended(): void
  handleCopyInResponse(connection: WireConnection): void
  handleCopyData(message: unknown): void
  handleError(error: unknown): void
  handleReadyForQuery(): void
}

/** The messages of the extended query protocol, as `pg` sends them. */
export interface WireConnection {
  readonly stream: { cork?(): void; uncork?(): void }
  parse(message: { readonly name: string; readonly text: string }): void
  bind(message: { readonly statement: string; readonly values: readonly unknown[] }): void
  execute(message: { readonly portal: string }): void
  close(message: { readonly type: 'S'; readonly name: string }): void
  sync(): void
  sendCopyFail(message: string): void
}
