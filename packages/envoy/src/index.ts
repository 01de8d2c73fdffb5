/**
 * The gate: whether media is ready, loading or missing, asked by a proxy before any request reaches storage.
 * @packageDocumentation
 */

export type { BodyKind, Placeholder } from './answers/direct.ts'
export type * from './contracts.ts'
export { type ExtAuthzServer, type ExtAuthzServerOptions, extAuthzServer } from './ext-authz-server.ts'
export type { DecisionCacheOptions } from './gate/cache-options.ts'
export type { FetchBudgetOptions } from './gate/fetch-budget.ts'
export { type CountingGate, createGate, type GateCounts } from './gate/gate.ts'
export type { GateStore } from './gate/gate-store.ts'
export type { GateOptions } from './gate/options.ts'
export type { ListenOptions } from './grpc/door.ts'
export { type CheckOptions, registerExtAuthz, type ServiceRegistry } from './grpc/register.ts'
export {
  createGrpcServer,
  type GrpcServer,
  type GrpcServerOptions,
  type ListeningGate,
} from './grpc/server.ts'
export { type GateFallbackOptions, gateFallback } from './http/gate-fallback.ts'
export {
  type GateHandler,
  type GateRouterOptions,
  type GateRouterSettings,
  gateRouter,
} from './http/gate-router.ts'
export type { Proxy } from './http/profiles.ts'
export {
  type GateAuthenticator,
  type IdentityHeaders,
  type Oauth2ProxyOptions,
  oauth2ProxyIdentity,
} from './identity/oauth2-proxy.ts'
export type { SignInOptions } from './identity/sign-in.ts'
export {
  keysUnder,
  type MediaResource,
  mediaRoutes,
  type ResourceOf,
  type ResourceRequest,
} from './paths/resource.ts'
export { type HttpGateStoreOptions, httpGateStore } from './remote/http-gate-store.ts'
export { type BucketUpstreamOptions, bucketUpstream } from './upstream/bucket-upstream.ts'
export type { ObjectRead, ObjectTarget, Upstream } from './upstream/upstream.ts'
