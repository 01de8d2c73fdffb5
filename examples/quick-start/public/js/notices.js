/* Words to the user that are no answer to a question: read aloud, shown for a while, or shown until it is better. */
import { byId, setText } from './dom.js'

const TOAST_MS = 5000
let toastTimer

/** For those who listen. Politely: it waits until they have heard the sentence before. */
export function announce(words) {
  byId('announcer').textContent = words
}

/** For everybody, for a while. */
export function say(words) {
  const toast = byId('toast')
  setText(toast, words)
  toast.hidden = false
  announce(words)
  clearTimeout(toastTimer)
  toastTimer = setTimeout(() => {
    toast.hidden = true
  }, TOAST_MS)
}

export function showServerGone(isGone) {
  const banner = byId('server-gone')
  setText(banner, isGone ? 'The server does not answer. Trying again; nothing you added is lost.' : '')
  banner.hidden = !isGone
}
