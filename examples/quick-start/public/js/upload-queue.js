/*
 * The queue of uploads, without a pixel. An upload goes
 *   waiting -> sending -> storing -> done
 * or to `failed` (retry takes it back to waiting) or `cancelled`. `sending` counts bytes leaving this machine; `storing`
 * is the server making them durable. When the server vanishes, what was under way waits and starts again by itself.
 */
import { serverAnswers, serverLost } from './connection.js'

const MAX_PARALLEL = 3
/** A browser tells neither an unreadable file nor a closed connection from a lost server; the server being there does. */
const MAX_UNANSWERED = 2

/** `send` as `sendFile` of api.js; `onChange(upload)` after every step of one of them. */
export function createUploadQueue({ send, onChange }) {
  const uploads = []
  let underWay = 0
  let paused = false

  const change = (upload, members) => {
    Object.assign(upload, members)
    onChange(upload)
  }

  async function start(upload) {
    underWay += 1
    upload.controller = new AbortController()
    change(upload, { state: 'sending', sentBytes: 0, problem: undefined })
    try {
      const media = await send({
        file: upload.file,
        tags: upload.tags,
        idempotencyKey: upload.idempotencyKey,
        signal: upload.controller.signal,
        onProgress: (loaded, total) => {
          // `loaded` counts the form around the file too: keep the ratio, show the file's own size.
          const sentBytes = Math.min(upload.file.size, Math.round((loaded / total) * upload.file.size))
          change(upload, { sentBytes, state: loaded >= total ? 'storing' : 'sending' })
        },
      })
      change(upload, { state: 'done', sentBytes: upload.file.size, media })
    } catch (problem) {
      if (upload.controller.signal.aborted) change(upload, { state: 'cancelled' })
      else await settleFailure(upload, problem)
    } finally {
      underWay -= 1
      startNext()
    }
  }

  async function settleFailure(upload, problem) {
    if (problem.status !== 0) return change(upload, { state: 'failed', problem })
    upload.unanswered += 1
    if (!(await serverAnswers())) {
      paused = true
      upload.unanswered = 0
      serverLost()
    } else if (upload.unanswered >= MAX_UNANSWERED) {
      return change(upload, { state: 'failed', problem: connectionClosed() })
    }
    change(upload, { state: 'waiting', sentBytes: 0 })
  }

  function startNext() {
    while (!paused && underWay < MAX_PARALLEL) {
      const next = uploads.find((upload) => upload.state === 'waiting')
      if (next === undefined) return
      void start(next)
    }
  }

  return {
    uploads,
    add(files) {
      for (const { file, tags } of files) {
        const upload = {
          id: crypto.randomUUID(),
          idempotencyKey: crypto.randomUUID(),
          file,
          tags,
          state: 'waiting',
          sentBytes: 0,
          unanswered: 0,
          problem: undefined,
          media: undefined,
        }
        uploads.push(upload)
        onChange(upload)
      }
      startNext()
    },
    cancel(upload) {
      if (upload.state === 'waiting') change(upload, { state: 'cancelled' })
      else upload.controller?.abort(new DOMException('cancelled', 'AbortError'))
    },
    retry(upload) {
      if (upload.state !== 'failed' && upload.state !== 'cancelled') return
      change(upload, { state: 'waiting', sentBytes: 0, unanswered: 0 })
      startNext()
    },
    /** Forgets those that are over; answers them. */
    clear() {
      const over = uploads.filter(
        ({ state }) => state === 'done' || state === 'failed' || state === 'cancelled',
      )
      for (const upload of over) uploads.splice(uploads.indexOf(upload), 1)
      return over
    },
    resume() {
      paused = false
      startNext()
    },
  }
}

function connectionClosed() {
  const problem = new Error(
    'The file could not be sent. It may have been moved or changed, or the server refused it half-way: look at its size and retry.',
  )
  return Object.assign(problem, { status: -1 })
}
