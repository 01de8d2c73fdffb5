const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** The id of the request: the sender's when it is well-formed, else a new one. */
export function requestIdOf(header: string | readonly string[] | undefined, createId: () => string): string {
  return typeof header === 'string' && REQUEST_ID.test(header) ? header : createId()
}
