/* Notices when the server is gone, asks until it is back, and tells those who wait. */

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 8000

const listeners = new Set()
let lost = false

/** `listener(isBack)` on every change. */
export function onConnectionChange(listener) {
  listeners.add(listener)
}

export async function serverAnswers() {
  try {
    // Any answer will do: a server that reports trouble is there.
    await fetch('healthz', { cache: 'no-store' })
    return true
  } catch {
    return false
  }
}

const tell = (isBack) => {
  for (const listener of listeners) listener(isBack)
}

/** Call it when a request got no answer. Idempotent while the server stays away. */
export function serverLost() {
  if (lost) return
  lost = true
  tell(false)
  void askUntilBack()
}

async function askUntilBack() {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 1.5, LONGEST_WAIT_MS)) {
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    if (await serverAnswers()) break
  }
  lost = false
  tell(true)
}
