import { IncomingMessage, type Server } from 'node:http'
import { awaitContinue, continued } from './router/answer.ts'

/**
 * Makes a server answer `Expect: 100-continue` when a body is first read, not when its headers have come: a client
 * that waits is then refused (401, 413, 507 ...) before it has sent a byte. Holds for every handler of the server.
 *
 * Without it node:http answers 100 at once, and a refusal reaches clients while they send.
 * @returns the server.
 * @see RFC 9110 section 10.1.1
 * @example
 * continueOnRead(app.listen(3000))
 */
export function continueOnRead<S extends Server>(server: S): S {
  server.on('checkContinue', (request, response) => {
    awaitContinue(response)
    let isAnswered = false
    request._read = function read(size: number): void {
      if (!isAnswered && !response.headersSent) {
        isAnswered = true
        continued(response)
        response.writeContinue()
      }
      IncomingMessage.prototype._read.call(this, size)
    }
    server.emit('request', request, response)
  })
  return server
}
