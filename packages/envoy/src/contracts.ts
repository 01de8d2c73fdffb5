import type { HeaderList } from '@mediakeep/core'

/** What a proxy asks about. Transports make it; nothing in it is decoded or normalised. */
export interface GateRequest {
  /** As the client sent it; case counts. */
  readonly method: string
  /** Path and query as on the request line. */
  readonly target: string
  /** Host as the client named it, or empty. */
  readonly host: string
  /** `http` or `https`, or empty where the proxy does not say. */
  readonly scheme: string
  /** Address from which the question came: the proxy's, not the client's. Empty where it is a unix socket. */
  readonly proxyAddress: string
  /** Address from which the proxy got the request, as far as it says: the client's, or that of a proxy before it. */
  readonly sourceAddress?: string
  /** The value of a header, by its name in lower case; several of one name as the proxy joined them. */
  header(name: string): string | undefined
  /** What the route of the proxy says of itself: `context_extensions` of Envoy. Empty elsewhere. */
  readonly context: Readonly<Record<string, string>>
  /** When the answer has to be there, in ms since the epoch of the machine: what is asked of others gets what remains until then. */
  readonly deadlineMs?: number
}

/** What a client is told in `x-media-state`. */
export type GateState = 'ready' | 'loading' | 'failed' | 'missing' | 'denied'

/** For logs of the proxy: never secrets, never raw paths. */
export interface GateFacts {
  readonly state: GateState
  /** A closed word: why it is not ready. */
  readonly reason?: string
  readonly tier?: string
  readonly mediaId?: string
  /** How long the same question has the same answer, as far as is known. */
  readonly ttlMs: number
}

/**
 * What a proxy is to do. There is no third kind and no flag: whatever is not made as a `forward` lets nothing through.
 * Header names and values are checked by whoever made the answer, and again by the transport that writes them.
 */
export type GateAnswer = ForwardAnswer | DirectAnswer

/** The request goes on to the upstream. */
export interface ForwardAnswer {
  readonly kind: 'forward'
  /** Path and query in place of the client's. Absent: as it came. */
  readonly path?: string
  /** Set on the request, in place of what the client sent under these names. Never `:method` or `host`. */
  readonly requestHeaders: HeaderList
  /** Taken off the request. Holds none of `requestHeaders`: proxies remove after they set. */
  readonly removeRequestHeaders: readonly string[]
  /** Set on the response in place of the upstream's, if any. */
  readonly responseHeaders: HeaderList
  /** Set on the response only in place of one that the upstream sent: what must not land on its error pages. */
  readonly replaceResponseHeaders: HeaderList
  readonly facts: GateFacts
}

/** The proxy answers itself, with these. */
export interface DirectAnswer {
  readonly kind: 'answer'
  /** 200 to 599. */
  readonly status: number
  /** Without Content-Length: the proxy sets it. */
  readonly headers: HeaderList
  /** UTF-8; empty for none. Not sent by proxies in answer to HEAD. */
  readonly body: string
  readonly facts: GateFacts
}

/** One decision for any number of transports. */
export interface Gate {
  /**
   * Never throws and never rejects: what fails is an answer that lets nothing through.
   * Answers at once, without a promise, whenever all that is needed is known. Equal questions get the same object.
   */
  check(request: GateRequest): GateAnswer | Promise<GateAnswer>
  /** Ends its timers and subscriptions; answers 503 from then on. Idempotent. Not the store: that is the host's. */
  close(): void
}
