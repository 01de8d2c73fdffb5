import { type CountingGate, createGrpcServer, type GateAnswer, type GateState } from '@mediakeep/envoy'
import { checkRequest, letsThrough } from '../../packages/envoy/src/codec/proto.fixture.ts'
import { connectTo } from '../../packages/envoy/src/grpc/client.fixture.ts'
import type { AskedGate } from './steady-load.ts'

/** The gate behind its own server: questions and answers as Envoy writes and reads them. A call that fails is a fault of the test. */
export async function overGrpc(gate: CountingGate, ends: (() => Promise<unknown>)[]): Promise<AskedGate> {
  const server = await createGrpcServer(gate).listen({ port: 0 })
  ends.push(() => server.close())
  const client = connectTo(server.address)
  ends.push(async () => client.close())
  return {
    get counts() {
      return gate.counts
    },
    async check({ method, target, host, scheme, header }): Promise<GateAnswer> {
      const user = header('x-user')
      const headers = user === undefined ? {} : { 'x-user': user }
      const response = await client.check(
        checkRequest({ http: { method, path: target, host, scheme, headers } }),
      )
      const { fields = {} } = response.dynamic_metadata ?? {}
      const facts = {
        state: (fields['state']?.string_value ?? 'failed') as GateState,
        reason: fields['reason']?.string_value ?? '',
        ttlMs: 0,
      }
      if (letsThrough(response))
        return {
          kind: 'forward',
          requestHeaders: [],
          removeRequestHeaders: [],
          responseHeaders: [],
          replaceResponseHeaders: [],
          facts,
        }
      const { status, body = '' } = response.denied_response ?? { status: { code: 403 } }
      return { kind: 'answer', status: status.code, headers: [], body, facts }
    },
  }
}
