/** Codes of gRPC that this server answers with. @see https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const GRPC_STATUS = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
} as const

export type GrpcStatus = (typeof GRPC_STATUS)[keyof typeof GRPC_STATUS]

/** One call of a client whose one message has arrived whole. Whatever is said to a client that has left is dropped. */
export interface IncomingCall {
  /** IP of whoever asks; empty where it asks by a unix socket. */
  readonly peerAddress: string
  /** When whoever asks stops to wait, in ms since the epoch; infinite without a deadline. */
  readonly deadlineMs: number
  /** Sends the one message of the answer, and ends the call with `ok`. */
  reply(message: Buffer): void
  /** Called once when the call is over, however it ended. */
  onceOver(listener: () => void): void
}

/** A call that may also be answered by several messages, or by a code alone. */
export interface StreamingCall extends IncomingCall {
  /** Sends a message; others may follow. */
  send(message: Buffer): void
  /** Ends the call. */
  end(status: GrpcStatus, details?: string): void
}

export type Method = (call: StreamingCall, message: Buffer) => void
