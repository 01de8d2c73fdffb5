/*
 * The two services as grpc-js takes them. Messages go in and out as bytes: nothing of protobuf is read by a library,
 * and no .proto is needed at run time.
 */

interface BytesMethod {
  readonly path: string
  readonly requestStream: false
  readonly responseStream: boolean
  readonly requestSerialize: (bytes: Buffer) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => Buffer
  readonly responseSerialize: (bytes: Buffer) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => Buffer
}

const asIs = (bytes: Buffer): Buffer => bytes

const method = (path: string, responseStream = false): BytesMethod => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
})

export const AUTHORIZATION_SERVICE = 'envoy.service.auth.v3.Authorization'

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/auth/v3/external_auth.proto */
export const AUTHORIZATION: Readonly<Record<'check', BytesMethod>> = {
  check: method(`/${AUTHORIZATION_SERVICE}/Check`),
}

/** @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export const HEALTH: Readonly<Record<'check' | 'watch', BytesMethod>> = {
  check: method('/grpc.health.v1.Health/Check'),
  watch: method('/grpc.health.v1.Health/Watch', true),
}
