import type { handleServerStreamingCall, handleUnaryCall, ServerWritableStream } from '@grpc/grpc-js'
import { encodeHealth, readHealthRequest, type ServingStatus } from '../codec/health.ts'
import { AUTHORIZATION_SERVICE } from './definitions.ts'

/** grpc.health.v1 of a server: serving until told otherwise. */
export interface Health {
  readonly check: handleUnaryCall<Buffer, Buffer>
  readonly watch: handleServerStreamingCall<Buffer, Buffer>
  /** Says "not serving" to whoever asks from now on and to all who watch, and ends their streams. */
  drain(): void
}

const SERVICES: ReadonlySet<string> = new Set(['', AUTHORIZATION_SERVICE])

/** Codes of gRPC. */
const INVALID_ARGUMENT = 3
const NOT_FOUND = 5

export function createHealth(): Health {
  const watchers = new Set<ServerWritableStream<Buffer, Buffer>>()
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
    check(call, respond) {
      const status = askedStatus(call.request)
      if (status === undefined) respond({ code: INVALID_ARGUMENT, details: 'malformed request' })
      else if (status === 'unknown-service') respond({ code: NOT_FOUND, details: 'unknown service' })
      else respond(null, encodeHealth(status))
    },
    watch(call) {
      // A stream of a service that does not exist stays open as well: that is how the protocol has it.
      call.write(encodeHealth(askedStatus(call.request) ?? 'unknown-service'))
      if (isDraining) {
        call.end()
        return
      }
      watchers.add(call)
      call.once('close', () => watchers.delete(call))
    },
    drain() {
      isDraining = true
      for (const watcher of watchers) {
        watcher.write(encodeHealth(askedStatus(watcher.request) ?? 'unknown-service'))
        watcher.end()
      }
      watchers.clear()
    },
  }
}
