import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/** As Node made them: a middleware or a tool that puts its own in their place may keep what it is given. */
const { write: writeResponse } = ServerResponse.prototype
const { write: writeSocket } = Socket.prototype

/**
 * Whether nobody reads a chunk any more when its write is called back. Streams promise that to nobody: a transform calls back
 * while the chunk waits to be read at its other end, and whoever wraps `write` may gather chunks. Only a socket is known to have
 * given the bytes to the kernel by then, and a response that writes to one.
 */
export function isDoneOnCallback(destination: Writable): boolean {
  if (!(destination instanceof ServerResponse)) return isSocket(destination)
  return !isWrapped(destination) && isSocket(destination.socket)
}

/** A response whose `write` somebody put another in the place of. */
export function isWrapped(destination: Writable): boolean {
  return destination instanceof ServerResponse && destination.write !== writeResponse
}

function isSocket(destination: unknown): boolean {
  return destination instanceof Socket && destination.write === writeSocket
}
