/* The line that says what storing each file once is worth. */
import { readUsage } from './api.js'
import { byId, setText } from './dom.js'
import { formatBytes, formatCount } from './format.js'

let asked

/** Called after every change. Calls while one is under way share the next answer: 500 uploads are not 500 questions. */
export function refreshTotals() {
  asked ??= read().finally(() => {
    asked = undefined
  })
  return asked
}

async function read() {
  await new Promise((resolve) => setTimeout(resolve, 100))
  try {
    const { files, seenBytes, storedBytes } = await readUsage()
    setText(byId('total-files'), formatCount(files))
    setText(byId('total-seen'), formatBytes(seenBytes))
    setText(byId('total-stored'), formatBytes(storedBytes))
    setText(byId('total-saved'), formatBytes(Math.max(0, seenBytes - storedBytes)))
  } catch {
    // The figures of a moment ago stay; the banner tells when the server is gone.
  }
}
