/* One file in the gallery. */
import { downloadUrl } from './api.js'
import { element, icon, iconButton, setText } from './dom.js'
import { digestHue, formatBytes, formatType, formatWhen, shortDigest } from './format.js'
import { createPreview, kindOf, releasePreview } from './preview.js'

function digestMark(digest) {
  const mark = element(
    'span',
    { class: 'digest', title: `${digest}\nEqual bytes have equal digests and are stored once.` },
    element('span', { class: 'digest-colour', 'aria-hidden': 'true' }),
    shortDigest(digest),
  )
  mark.style.setProperty('--hue', digestHue(digest))
  return mark
}

/**
 * `actions`: `open`, `copyLink`, `remove`, `findTag`. The card is a list item with its media in `media`;
 * `update` shows another snapshot, `showCopies` how many files on the page share its bytes.
 */
export function createCard(media, actions) {
  let shown = media
  const plays = ['video', 'audio'].includes(kindOf(media))
  const preview = createPreview(media, { lazy: true })
  const box = plays
    ? element('div', { class: 'preview' }, preview)
    : element(
        'button',
        { type: 'button', class: 'preview', on: { click: () => actions.open(shown) } },
        preview,
      )
  const name = element('button', { type: 'button', class: 'name', on: { click: () => actions.open(shown) } })
  const facts = element('p', { class: 'facts' })
  const tags = element('p', { class: 'tags' })
  const copies = element('span', { class: 'copies', hidden: true }, icon('layers'), element('span'))
  const copyLink = iconButton('link', '', () => actions.copyLink(shown))
  const download = element('a', { class: 'icon-button', download: true }, icon('download'))
  const edit = iconButton('edit', '', () => actions.open(shown, { edit: true }))
  const remove = iconButton('delete', '', () => actions.remove(shown))

  const root = element(
    'li',
    { class: 'card', 'data-id': media.id },
    box,
    element('div', { class: 'about' }, name, facts, copies, tags),
    element('div', { class: 'card-buttons' }, copyLink, download, edit, remove),
  )
  root.addEventListener('keydown', (event) => {
    if (event.key !== 'Delete' || event.target.matches('input, video, audio')) return
    event.preventDefault()
    actions.remove(shown)
  })

  function label(control, words) {
    control.setAttribute('aria-label', `${words} ${shown.filename}`)
    control.title = words
  }

  function update(next) {
    shown = next
    setText(name, next.filename)
    name.title = next.filename
    if (!plays) box.setAttribute('aria-label', `Open ${next.filename}`)
    label(copyLink, 'Copy link to')
    label(download, 'Download')
    label(edit, 'Edit')
    label(remove, 'Delete')
    download.href = downloadUrl(next)
    facts.replaceChildren(
      element('span', {}, `${formatType(next.contentType)}, ${formatBytes(next.sizeBytes)}`),
      element('time', { datetime: next.createdAt }, formatWhen(next.createdAt)),
      next.digest === undefined ? '' : digestMark(next.digest),
    )
    tags.hidden = next.tags.length === 0
    tags.replaceChildren(
      ...next.tags.map((tag) =>
        element('button', { type: 'button', class: 'tag', on: { click: () => actions.findTag(tag) } }, tag),
      ),
    )
  }

  update(media)
  return {
    root,
    get media() {
      return shown
    },
    update,
    showCopies(count) {
      copies.hidden = count < 2
      setText(copies.lastChild, `Stored once, used by ${count}`)
    },
    focus: () => name.focus(),
    destroy() {
      releasePreview(root)
      root.remove()
    },
  }
}
