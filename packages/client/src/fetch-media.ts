import { askUntilReady, type FetchMediaOptions } from './ask.ts'

/**
 * `fetch` for media that may still be loading: repeats on 503, 429 and 425, and on 202 and 403 with `Retry-After`, at the
 * time the server names, or by an exponential back-off where it names none. Failures of the network are repeated too,
 * four times in a row. Any other answer is given as it is, a 404 at once.
 *
 * Nothing is left behind when it ends or is aborted: no timer, no unread body.
 * @throws MediaNotReadyError when time or requests are used up, and at once when the server names a time beyond them.
 * @throws TypeError for an address or header that cannot be asked; the signal's reason when it is aborted.
 * @see RFC 9110 section 10.2.3 (Retry-After)
 * @example
 * const response = await fetchMedia('/media/k/film.mp4', { headers: { range: 'bytes=0-99' } })
 */
export function fetchMedia(url: string | URL, options: FetchMediaOptions = {}): Promise<Response> {
  return askUntilReady('GET', url, options)
}

/**
 * The same by HEAD, without a body: costs no bytes, and a gate starts to load for it as for a GET. Gives the first answer
 * that is not "not yet": look at its `status`, or `ok`.
 * @throws as `fetchMedia`.
 */
export function whenReady(url: string | URL, options: FetchMediaOptions = {}): Promise<Response> {
  return askUntilReady('HEAD', url, options)
}
