/* The visible side of the queue: one row per upload, one line for all of them. */
import { byId, element, iconButton, setText } from './dom.js'
import { formatBytes } from './format.js'

const busy = new Set(['waiting', 'sending', 'storing'])

/** `queue` is given later by `bind`, for the queue reports its changes to this list. */
export function createUploadList({ announce, onOpen }) {
  const section = byId('uploads')
  const list = byId('uploads-list')
  const summary = byId('uploads-summary')
  const retryAll = byId('uploads-retry')
  const clear = byId('uploads-clear')
  const rows = new Map()
  let queue

  function createRow(upload) {
    const name = element('span', { class: 'upload-name', title: upload.file.name }, upload.file.name)
    const words = element('span', { class: 'upload-words' })
    const bar = element('progress', {
      max: '100',
      value: '0',
      'aria-label': `Progress of ${upload.file.name}`,
    })
    const cancel = iconButton('close', `Cancel ${upload.file.name}`, () => queue.cancel(upload))
    const retry = iconButton('retry', `Retry ${upload.file.name}`, () => queue.retry(upload))
    const show = element(
      'button',
      { type: 'button', class: 'quiet', on: { click: () => onOpen(upload.media) } },
      'Show',
    )
    show.setAttribute('aria-label', `Show ${upload.file.name}`)
    const root = element(
      'li',
      { class: 'upload' },
      name,
      words,
      bar,
      element('span', { class: 'upload-buttons' }, show, retry, cancel),
    )
    list.append(root)
    return { root, words, bar, cancel, retry, show }
  }

  function wordsFor(upload) {
    switch (upload.state) {
      case 'waiting':
        return 'Waiting'
      case 'sending':
        return `${formatBytes(upload.sentBytes)} of ${formatBytes(upload.file.size)}`
      case 'storing':
        return 'Making it safe on disk'
      case 'done':
        return upload.isCopy
          ? 'Kept. Same bytes were here already: 0 bytes added'
          : `Kept, ${formatBytes(upload.media.sizeBytes)}`
      case 'failed':
        return upload.problem.message
      case 'cancelled':
        return 'Cancelled'
    }
  }

  function percentOf({ state, sentBytes, file }) {
    if (state === 'done' || state === 'storing') return 100
    return file.size === 0 ? 0 : Math.floor((sentBytes / file.size) * 100)
  }

  /** Moves focus on when the button that had it goes away. */
  function showOnly(row, names) {
    // Looked at before: some browsers take the focus away at once.
    const focused = document.activeElement
    for (const name of ['cancel', 'retry', 'show']) row[name].hidden = !names.includes(name)
    if (row.root.contains(focused) && focused.hidden) row[names[0]]?.focus()
  }

  function render(upload) {
    if (!rows.has(upload.id)) rows.set(upload.id, createRow(upload))
    const row = rows.get(upload.id)
    row.root.dataset.state = upload.state
    row.bar.value = percentOf(upload)
    setText(row.words, wordsFor(upload))
    if (busy.has(upload.state)) showOnly(row, ['cancel'])
    else showOnly(row, upload.state === 'done' ? ['show'] : ['retry'])
    if (upload.state === 'done') announce(`${upload.file.name} is kept`)
    if (upload.state === 'failed') list.prepend(row.root) // What needs somebody is where they look first.
    if (upload.state === 'failed') announce(`${upload.file.name} failed. ${upload.problem.message}`)
    renderSummary()
  }

  function renderSummary() {
    const { uploads } = queue
    const count = (state) => uploads.filter((upload) => upload.state === state).length
    const [done, failed] = [count('done'), count('failed')]
    const left = uploads.filter((upload) => busy.has(upload.state)).length
    section.hidden = uploads.length === 0
    retryAll.hidden = failed < 2
    clear.hidden = left === uploads.length
    const parts = [left > 0 ? `${done} of ${uploads.length} done` : `${done} done`]
    if (failed > 0) parts.push(`${failed} failed`)
    setText(summary, parts.join(', '))
  }

  return {
    render,
    bind(itsQueue) {
      queue = itsQueue
      retryAll.addEventListener('click', () => {
        for (const upload of queue.uploads.filter(({ state }) => state === 'failed')) queue.retry(upload)
      })
      clear.addEventListener('click', () => {
        for (const { id } of queue.clear()) {
          rows.get(id)?.root.remove()
          rows.delete(id)
        }
        renderSummary()
        byId('choose-files').focus()
      })
    },
  }
}
