/*
 * What was under way when the page was left. The bytes that arrived lie at the server, and the libraries know where; here
 * stands what a person needs to see to go on: which file it was. Browsers do not let a page keep the file itself.
 */
const NAME = 'mediakeep-uploads-page'

function readAll() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '[]')
    return Array.isArray(kept) ? kept : []
  } catch {
    return []
  }
}

function write(kept) {
  try {
    localStorage.setItem(NAME, JSON.stringify(kept))
  } catch {
    // Full or forbidden: uploads work, and begin anew after a reload.
  }
}

export const unfinished = {
  all: readAll,
  keep({ id, door, name, sizeBytes, sentBytes }) {
    write([...readAll().filter((other) => other.id !== id), { id, door, name, sizeBytes, sentBytes }])
  },
  drop(id) {
    write(readAll().filter((other) => other.id !== id))
  },
}
