/** A `fetch` that tells how much of a file has left this machine, which the platform's own cannot. */
export function fetchWithProgress(onProgress) {
  return (url, init) => (init.body instanceof Blob ? send(url, init, onProgress) : fetch(url, init))
}

function send(url, { method, headers, body, signal }, onProgress) {
  const { promise, resolve, reject } = Promise.withResolvers()
  const request = new XMLHttpRequest()
  const abort = () => request.abort()
  signal?.addEventListener('abort', abort)
  request.upload.addEventListener('progress', ({ loaded }) => onProgress(loaded))
  request.addEventListener('load', () => resolve(answerOf(request)))
  request.addEventListener('error', () => reject(new TypeError('Failed to fetch')))
  request.addEventListener('abort', () => reject(signal?.reason))
  request.addEventListener('loadend', () => signal?.removeEventListener('abort', abort))
  request.open(method, url)
  request.responseType = 'blob'
  for (const [name, value] of new Headers(headers)) request.setRequestHeader(name, value)
  request.send(body)
  return promise
}

function answerOf(request) {
  const headers = new Headers()
  for (const line of request
    .getAllResponseHeaders()
    .trim()
    .split(/[\r\n]+/)) {
    const [name, ...value] = line.split(':')
    headers.append(name, value.join(':').trim())
  }
  // Of 204 and its kin a Response takes no body, not even an empty one.
  const body = request.response.size === 0 ? null : request.response
  return new Response(body, { status: request.status, headers })
}
