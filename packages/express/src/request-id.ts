import { randomBytes } from 'node:crypto'

const prefix = randomBytes(9).toString('base64url').replaceAll('-', '.')
let count = 0

/** An id no other request has: one random prefix a process and a count. It names a request and protects nothing. */
export function newRequestId(): string {
  count += 1
  return `${prefix}-${count.toString(36)}`
}
