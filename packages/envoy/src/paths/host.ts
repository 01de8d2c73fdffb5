/** A name or an address, and a port. Not in it: what joins two hosts, or names a user, a path or a query. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]*)(?::\d{0,5})?$/
const MAX_HOST_BYTES = 255 + 6

/**
 * Whether a host is one and no more; an empty one is. Proxies join several `Host` lines by a comma, and pass on what is none.
 * @see RFC 9112 section 3.2: such a request is to be answered 400
 */
export function isOneHost(host: string): boolean {
  return host.length <= MAX_HOST_BYTES && HOST.test(host)
}
