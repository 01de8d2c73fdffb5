/* One row for each upload that is not over. */
import { byId, element, setText } from './dom.js'
import { formatBytes, percentOf } from './format.js'

/** Without a byte for so long somebody wants to know why. */
const STILL_MS = 2_500

/** `acts` are those of `createUploads`, and `choose(upload)` for the file of one that was interrupted. */
export function createUploadRows({ acts }) {
  const section = byId('under-way')
  const list = byId('upload-list')
  const rows = new Map()

  function button(act, words, { name }, click) {
    return element(
      'button',
      { type: 'button', 'data-act': act, 'aria-label': `${words} ${name}`, on: { click } },
      words,
    )
  }

  function createRow(upload) {
    const words = element('p', { class: 'words' })
    const bar = element('progress', { max: 100, value: 0, 'aria-label': `Sent of ${upload.name}` })
    const buttons = {
      pause: button('pause', 'Pause', upload, () => void acts().pause(upload)),
      resume: button('resume', 'Resume', upload, () => acts().resume(upload)),
      retry: button('retry', 'Retry', upload, () => acts().retry(upload)),
      choose: button('choose', 'Choose file', upload, () => acts().choose(upload)),
      cancel: button('cancel', 'Cancel', upload, () => void acts().cancel(upload)),
    }
    const root = element(
      'li',
      { class: 'upload', tabindex: -1 },
      element(
        'div',
        { class: 'head' },
        element('p', { class: 'name', title: upload.name }, upload.name),
        element('span', { class: 'door' }, upload.door),
      ),
      words,
      bar,
      element('div', { class: 'buttons' }, ...Object.values(buttons)),
    )
    list.append(root)
    return { root, words, bar, buttons }
  }

  function wordsFor({ state, sentBytes, sizeBytes, problem, movedAtMs }) {
    const sent = `${formatBytes(sentBytes)} of ${formatBytes(sizeBytes)}`
    switch (state) {
      case 'waiting':
        return 'Waits for its turn'
      case 'sending':
        if (sentBytes >= sizeBytes) return 'Sent; being made safe and checked'
        return performance.now() - movedAtMs > STILL_MS ? `${sent}. Waits for the server` : sent
      case 'paused':
        return `Paused at ${sent}`
      case 'interrupted':
        return problem?.message ?? `Interrupted at ${sent}. Choose the file again to go on`
      case 'failed':
        return problem.message
      case 'cancelling':
        return 'Being cancelled'
    }
  }

  function actsFor(upload) {
    switch (upload.state) {
      case 'sending':
        // The server has all of it: what is left is its own to end.
        if (upload.sentBytes >= upload.sizeBytes) return []
        return acts().canPause(upload) ? ['pause', 'cancel'] : ['cancel']
      case 'paused':
        return ['resume', 'cancel']
      case 'interrupted':
        return ['choose', 'cancel']
      case 'failed':
        return ['retry', 'cancel']
      case 'waiting':
        return ['cancel']
      default:
        return []
    }
  }

  /** Whoever had the button that goes away goes on with the one in its place, or the row. */
  function show({ root, buttons }, names) {
    // Looked at before: some browsers take the focus away at once.
    const focused = document.activeElement
    for (const [name, one] of Object.entries(buttons)) one.hidden = !names.includes(name)
    if (root.contains(focused) && focused.hidden) (buttons[names[0]] ?? root).focus()
  }

  function render(upload) {
    const isOver = upload.state === 'done' || upload.state === 'cancelled'
    if (isOver) {
      const root = rows.get(upload.id)?.root
      if (root?.contains(document.activeElement)) byId('choose').focus()
      root?.remove()
      rows.delete(upload.id)
    } else {
      if (!rows.has(upload.id)) rows.set(upload.id, createRow(upload))
      const row = rows.get(upload.id)
      row.root.dataset.state = upload.state
      row.bar.value = percentOf(upload)
      setText(row.words, wordsFor(upload))
      show(row, actsFor(upload))
    }
    section.hidden = rows.size === 0
  }

  setInterval(() => {
    for (const upload of acts().all()) if (upload.state === 'sending') render(upload)
  }, 1_000)
  return { render }
}
