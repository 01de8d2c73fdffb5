import { encodeHealth, readHealthRequest, type ServingStatus } from '../codec/health.ts'
import { GRPC_STATUS, type Method, type StreamingCall } from './call.ts'
import { AUTHORIZATION_SERVICE } from './paths.ts'

/** grpc.health.v1 of a server: serving until told otherwise. */
export interface Health {
  readonly check: Method
  readonly watch: Method
  /** Says "not serving" to whoever asks from now on and to all who watch, and ends their streams. */
  drain(): void
}

const SERVICES: ReadonlySet<string> = new Set(['', AUTHORIZATION_SERVICE])

export function createHealth(): Health {
  /** With what each of them asked. */
  const watchers = new Map<StreamingCall, Buffer>()
  let isDraining = false

  function statusOf(request: Buffer): ServingStatus {
    if (!SERVICES.has(readHealthRequest(request))) return 'unknown-service'
    return isDraining ? 'not-serving' : 'serving'
  }

  /** Undefined when the request is none. */
  function askedStatus(request: Buffer): ServingStatus | undefined {
    try {
      return statusOf(request)
    } catch {
      return undefined
    }
  }

  return {
    check(call, request) {
      const status = askedStatus(request)
      if (status === undefined) call.end(GRPC_STATUS.invalidArgument, 'malformed request')
      else if (status === 'unknown-service') call.end(GRPC_STATUS.notFound, 'unknown service')
      else call.reply(encodeHealth(status))
    },
    watch(call, request) {
      // A stream of a service that does not exist stays open as well: that is how the protocol has it.
      call.send(encodeHealth(askedStatus(request) ?? 'unknown-service'))
      if (isDraining) {
        call.end(GRPC_STATUS.ok)
        return
      }
      watchers.set(call, request)
      call.onceOver(() => watchers.delete(call))
    },
    drain() {
      isDraining = true
      for (const [watcher, request] of watchers) {
        watcher.send(encodeHealth(askedStatus(request) ?? 'unknown-service'))
        watcher.end(GRPC_STATUS.ok)
      }
      watchers.clear()
    },
  }
}
