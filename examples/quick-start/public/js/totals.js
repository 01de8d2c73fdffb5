/* The line that says what storing each file once is worth. */
import { readUsage } from './api.js'
import { byId, setText } from './dom.js'
import { formatBytes, formatCount } from './format.js'

let waiting
let lastAsked = 0

/**
 * Called after every change. Calls within a moment share one question: 500 uploads are not 500 questions. One that comes after
 * the server was asked asks again, for that answer may be older than its change.
 */
export function refreshTotals() {
  waiting ??= new Promise((resolve) => setTimeout(resolve, 100)).then(() => {
    waiting = undefined
    return read(++lastAsked)
  })
  return waiting
}

async function read(number) {
  try {
    const { files, seenBytes, storedBytes } = await readUsage()
    if (number !== lastAsked) return // a newer question is under way
    setText(byId('total-files'), formatCount(files))
    setText(byId('total-seen'), formatBytes(seenBytes))
    setText(byId('total-stored'), formatBytes(storedBytes))
    setText(byId('total-saved'), formatBytes(Math.max(0, seenBytes - storedBytes)))
  } catch {
    // The figures of a moment ago stay; the banner tells when the server is gone.
  }
}
