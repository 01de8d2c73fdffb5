import type * as grpc from '@grpc/grpc-js'
import { MediaError } from '@mediakeep/core'

/** An optional peer: hosts that ask over HTTP do without it. */
export async function loadGrpc(): Promise<typeof grpc> {
  try {
    return await import('@grpc/grpc-js')
  } catch (error) {
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      'gate: the gRPC server needs a package that is not installed: npm install @grpc/grpc-js',
      { reason: 'no-grpc', cause: error },
    )
  }
}
