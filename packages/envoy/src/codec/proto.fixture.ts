import protobuf from 'protobufjs'

/** What another implementation of protobuf reads and writes: the parts of Envoy's messages that ours knows, and more. */
const PROTO = `syntax = "proto3";
message CheckRequest { AttributeContext attributes = 1; }
message AttributeContext {
  message Peer { Address address = 1; string service = 2; map<string, string> labels = 3; string principal = 4; }
  message Address { SocketAddress socket_address = 1; }
  message SocketAddress { int32 protocol = 1; string address = 2; uint32 port_value = 3; }
  message Request { Timestamp time = 1; HttpRequest http = 2; }
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message HttpRequest {
    string id = 1; string method = 2; map<string, string> headers = 3; string path = 4; string host = 5;
    string scheme = 6; string query = 7; string fragment = 8; int64 size = 9; string protocol = 10; string body = 11;
    bytes raw_body = 12; HeaderMap header_map = 13;
  }
  Peer source = 1; Peer destination = 2; Request request = 4; map<string, string> context_extensions = 10;
}
message HeaderMap { repeated HeaderValue headers = 1; }
message HeaderValue { string key = 1; string value = 2; bytes raw_value = 3; }
message CheckResponse {
  Status status = 1;
  oneof http_response { Denied denied_response = 2; Ok ok_response = 3; }
  Struct dynamic_metadata = 4;
}
message Status { int32 code = 1; string message = 2; }
message Denied { HttpStatus status = 1; repeated HeaderValueOption headers = 2; string body = 3; }
message HttpStatus { int32 code = 1; }
message Ok {
  repeated HeaderValueOption headers = 2; repeated string headers_to_remove = 5;
  repeated HeaderValueOption response_headers_to_add = 6;
}
message HeaderValueOption { HeaderValue header = 1; BoolValue append = 2; int32 append_action = 3; }
message BoolValue { bool value = 1; }
message Struct { map<string, Value> fields = 1; }
message Value { oneof kind { int32 null_value = 1; double number_value = 2; string string_value = 3; bool bool_value = 4; } }
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse { int32 status = 1; }
`

const root = protobuf.parse(PROTO, { keepCase: true }).root
export const CheckRequest: protobuf.Type = root.lookupType('CheckRequest')
export const CheckResponse: protobuf.Type = root.lookupType('CheckResponse')
export const HealthCheckRequest: protobuf.Type = root.lookupType('HealthCheckRequest')
export const HealthCheckResponse: protobuf.Type = root.lookupType('HealthCheckResponse')

/** A HeaderValueOption. */
export interface HeaderOption {
  readonly header: { readonly key: string; readonly value?: string; readonly raw_value?: Buffer }
  readonly append_action: number
}

/** A CheckResponse, as protobufjs reads it. */
export interface Response {
  readonly status?: { readonly code?: number }
  readonly denied_response?: {
    readonly status: { readonly code: number }
    readonly headers?: readonly HeaderOption[]
    readonly body?: string
  }
  readonly ok_response?: {
    readonly headers?: readonly HeaderOption[]
    readonly headers_to_remove?: readonly string[]
    readonly response_headers_to_add?: readonly HeaderOption[]
  }
  readonly dynamic_metadata?: {
    readonly fields?: Readonly<
      Record<string, { readonly number_value?: number; readonly string_value?: string }>
    >
  }
}

export const readResponse = (bytes: Uint8Array): Response =>
  CheckResponse.toObject(CheckResponse.decode(bytes))

/** Whether Envoy lets a request through on this: on an empty message, or code 0 whatever else it says. */
export const letsThrough = (response: Response): boolean => (response.status?.code ?? 0) === 0

export interface HeaderLine {
  readonly key: string
  readonly value?: string
  readonly raw_value?: Buffer
}

export interface HttpParts {
  readonly id?: string
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly scheme?: string
  readonly protocol?: string
  readonly size?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly header_map?: { readonly headers: readonly HeaderLine[] }
}

export interface CheckParts {
  readonly http?: HttpParts
  readonly context?: Readonly<Record<string, string>>
}

/** A CheckRequest as Envoy sends it. */
export function checkRequest({ http, context = {} }: CheckParts): Buffer {
  const message = {
    attributes: {
      source: { address: { socket_address: { address: '203.0.113.9', port_value: 4711 } } },
      destination: { address: { socket_address: { address: '10.0.0.1', port_value: 8080 } }, principal: 'p' },
      request: { time: { seconds: 1_700_000_000, nanos: 5 }, ...(http && { http }) },
      context_extensions: context,
    },
  }
  return Buffer.from(CheckRequest.encode(CheckRequest.fromObject(message)).finish())
}

/** What a question says, whoever decoded it. */
export interface Read {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly scheme: string
  readonly headers: Readonly<Record<string, string>>
  readonly context: Readonly<Record<string, string>>
}

interface Decoded {
  readonly attributes?: {
    readonly request?: { readonly http?: HttpParts }
    readonly context_extensions?: Record<string, string>
  }
}

/**
 * The same bytes, read by protobufjs. Undefined when they hold no HTTP request with a method.
 * Of a message that comes twice it keeps the second, where protobuf says to put them together.
 */
export function readByPeer(bytes: Buffer): Read | undefined {
  const { attributes } = CheckRequest.toObject(CheckRequest.decode(bytes)) as Decoded
  const http = attributes?.request?.http
  if (http?.method === undefined || http.method === '') return undefined
  return {
    method: http.method,
    target: http.path ?? '',
    host: http.host ?? '',
    scheme: http.scheme ?? '',
    headers: { ...http.headers },
    context: { ...attributes?.context_extensions },
  }
}

/** A field by hand: number, wire type, and what follows the tag. */
export function rawField(number: number, wireType: number, ...payload: readonly (number | Buffer)[]): Buffer {
  const parts = payload.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))
  return Buffer.concat([rawVarint(number * 8 + wireType), ...parts])
}

export function rawVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  return Buffer.from([...bytes, rest])
}

/** A string, bytes or message. */
export function rawBytes(number: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload)
  return rawField(number, 2, rawVarint(bytes.length), bytes)
}

/** A CheckRequest whose HttpRequest is these bytes. */
export const rawCheck = (...http: readonly Buffer[]): Buffer =>
  rawBytes(1, rawBytes(4, rawBytes(2, Buffer.concat(http))))
