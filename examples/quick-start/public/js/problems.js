/*
 * What went wrong, in words that say what to do. Failures of every kind (an answer of the server, no answer at
 * all) become one class, so that the rest of the page looks at `status` alone. Status 0: no answer came.
 */

export class Problem extends Error {
  constructor(status, { code, reason, detail } = {}) {
    super(adviceFor(status, { code, reason, detail }))
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.reason = reason
  }

  /** Nothing is wrong with the file: the same request may work later. */
  get isRetryable() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status === 503
  }
}

const advice = {
  0: 'The server does not answer. Uploads go on by themselves when it is back.',
  401: 'The server wants to know who you are. Sign in and try again.',
  403: 'You may not do that with this file.',
  404: 'This file is no longer there. Somebody may have deleted it.',
  408: 'The upload was too slow and was stopped. Try again.',
  409: 'Another change got in first. Reload the page and try again.',
  412: 'This file was changed elsewhere. Close it, open it again, and repeat your change.',
  413: 'This file is larger than the server takes. Make it smaller, or raise the limit.',
  415: 'The server does not take files of this type, or the file is not what its name says.',
  422: 'The server could not make sense of this file. It may be damaged.',
  429: 'Too many requests at once. Wait a moment and try again.',
  500: 'The server failed. Its log says why.',
  503: 'The server is busy. Try again in a moment.',
  507: 'There is no room left on the disk. Delete files or free space, then retry.',
}

function adviceFor(status, { code, reason, detail }) {
  if (isAboutEmptiness({ code, reason, detail }))
    return 'This file is empty: there is nothing to keep. Choose another.'
  const words = advice[status] ?? advice[status >= 500 ? 500 : 422]
  // The server's own sentence is the most exact one for what it refuses about a file.
  return detail && [400, 413, 415, 422, 507].includes(status) ? `${words} (${detail})` : words
}

const isAboutEmptiness = ({ reason, detail }) =>
  /empty/i.test(reason ?? '') || /\bempty\b/i.test(detail ?? '')

/** From the text of an answer that is not a success: `application/problem+json`, or anything. */
export function problemOf(status, bodyText) {
  try {
    return new Problem(status, JSON.parse(bodyText))
  } catch {
    return new Problem(status) // A proxy's page: the status must do.
  }
}
