/* One file, large, with all its facts, and a form for its name and tags. A modal dialog: Escape closes, arrows leaf through. */
import { contentUrl, downloadUrl, updateMedia } from './api.js'
import { byId, element, icon, iconButton } from './dom.js'
import { formatBytes, formatDateTime } from './format.js'
import { createPreview, kindOf, releasePreview } from './preview.js'

const row = (term, ...description) =>
  element('div', {}, element('dt', {}, term), element('dd', {}, ...description))

function facts(media, copies) {
  const list = element(
    'dl',
    {},
    row('Type', media.contentType),
    row('Size', formatBytes(media.sizeBytes), element('small', {}, ` ${media.sizeBytes} bytes`)),
    media.width && row('Picture', `${media.width} × ${media.height}`),
    media.durationMs && row('Length', `${Math.round(media.durationMs / 1000)} s`),
    media.captureTime && row('Taken', media.captureTime.slice(0, 16).replace('T', ' ')),
    media.camera?.model && row('Camera', media.camera.model),
    row('Added', formatDateTime(media.createdAt)),
    media.digest && row('Digest', element('code', {}, media.digest)),
    media.key && row('Key', element('code', {}, media.key)),
  )
  if (copies > 1)
    list.append(row('On disk', `Stored once, used by ${copies} files here: the copies cost no bytes`))
  return list
}

const parseTags = (text) => [
  ...new Set(
    text
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
]

/** `copiesOf`, `neighbour`, `onChanged`, `onClosed` tie it to the gallery; `actions` are those of a card. */
export function createViewer({ copiesOf, neighbour, onChanged, onClosed, actions, say }) {
  const dialog = byId('viewer')
  let shown

  function editForm(media) {
    const name = element('input', {
      name: 'filename',
      required: true,
      maxlength: '255',
      autocomplete: 'off',
      spellcheck: 'false',
    })
    name.value = media.filename
    const tags = element('input', { name: 'tags', autocomplete: 'off', placeholder: 'garden, 2024' })
    tags.value = media.tags.join(', ')
    const problem = element('p', { class: 'form-problem', role: 'alert' })
    const save = element('button', { type: 'submit', class: 'primary' }, 'Save')
    const form = element(
      'form',
      {},
      element('label', {}, 'Name', name),
      element('label', {}, 'Tags, separated by commas', tags),
      problem,
      save,
    )
    form.addEventListener('submit', async (event) => {
      event.preventDefault()
      problem.textContent = ''
      save.disabled = true
      try {
        const changed = await updateMedia(media, { filename: name.value.trim(), tags: parseTags(tags.value) })
        onChanged(changed)
        say('Saved')
        if (shown?.id === media.id) dialog.close()
      } catch (error) {
        problem.textContent = error.message
      } finally {
        save.disabled = false
      }
    })
    return form
  }

  function leaf(step) {
    const media = neighbour(shown, step)
    if (media === undefined) return
    render(media)
    // The button that had the focus is gone with the file before.
    dialog.querySelector(`[data-step="${step}"]:enabled`)?.focus()
    if (!dialog.contains(document.activeElement)) focusClose()
  }

  const focusClose = () => dialog.querySelector('[aria-label=Close]').focus()

  function render(media) {
    releasePreview(dialog)
    shown = media
    const arrow = (step, name, label) =>
      iconButton(name, label, () => leaf(step), {
        disabled: neighbour(media, step) === undefined,
        'data-step': step,
      })
    dialog.replaceChildren(
      element(
        'header',
        {},
        element('h2', { id: 'viewer-name' }, media.filename),
        arrow(-1, 'previous', 'Newer file'),
        arrow(1, 'next', 'Older file'),
        iconButton('close', 'Close', () => dialog.close()),
      ),
      element('div', { class: `stage stage-${kindOf(media)}` }, createPreview(media, { lazy: false })),
      element(
        'div',
        { class: 'sheet' },
        editForm(media),
        facts(media, copiesOf(media)),
        element(
          'div',
          { class: 'buttons' },
          element(
            'a',
            { class: 'button', href: contentUrl(media), target: '_blank', rel: 'noopener' },
            'Open alone',
          ),
          element(
            'a',
            { class: 'button', href: downloadUrl(media), download: true },
            icon('download'),
            'Download',
          ),
          element(
            'button',
            { type: 'button', on: { click: () => actions.copyLink(media) } },
            icon('link'),
            'Copy link',
          ),
          element(
            'button',
            { type: 'button', class: 'danger', on: { click: () => actions.remove(media) } },
            icon('delete'),
            'Delete',
          ),
        ),
      ),
    )
  }

  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })
  dialog.addEventListener('keydown', (event) => {
    if (event.target.matches('input, video, audio')) return
    if (event.key === 'ArrowLeft') leaf(-1)
    if (event.key === 'ArrowRight') leaf(1)
  })
  dialog.addEventListener('close', () => {
    releasePreview(dialog)
    const media = shown
    shown = undefined
    dialog.replaceChildren()
    onClosed(media)
  })

  return {
    open(media, { edit = false } = {}) {
      render(media)
      dialog.showModal()
      if (edit) dialog.querySelector('[name=filename]').select()
      else focusClose()
    },
    close() {
      if (dialog.open) dialog.close()
    },
  }
}
