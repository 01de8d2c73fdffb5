export const AUTHORIZATION_SERVICE = 'envoy.service.auth.v3.Authorization'

/** @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/auth/v3/external_auth.proto */
export const CHECK_PATH: string = `/${AUTHORIZATION_SERVICE}/Check`

/** @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check'
export const HEALTH_WATCH_PATH = '/grpc.health.v1.Health/Watch'
