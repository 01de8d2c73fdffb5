/* What the store holds, the newest first. */

import { byId, element } from './dom.js'
import { ask } from './doors/service.js'
import { formatBytes, formatWhen } from './format.js'

const SHOWN = 50

/** Reads the list again; the media with `newId` is the one that just came. */
export async function showArrived(newId) {
  const { items } = await ask('GET', `/media?limit=${SHOWN}`)
  byId('arrived-list').replaceChildren(...items.map((media) => rowOf(media, media.id === newId)))
  byId('arrived-none').hidden = items.length > 0
}

function rowOf({ id, filename, sizeBytes, createdAt, digest, tags }, isNew) {
  const door = tags.find((tag) => tag.startsWith('by '))?.slice('by '.length)
  const name = filename ?? id
  return element(
    'li',
    { class: isNew ? 'arrival new' : 'arrival', 'data-digest': digest },
    element(
      'div',
      { class: 'head' },
      element('a', { class: 'name', href: `/media/${id}/content`, target: '_blank', rel: 'noopener' }, name),
      door !== undefined && element('span', { class: 'door' }, door),
    ),
    element(
      'p',
      { class: 'words' },
      `${formatBytes(sizeBytes)} · ${formatWhen(createdAt)}`,
      digest !== undefined && element('code', { title: digest }, digest.slice('sha256:'.length).slice(0, 12)),
    ),
    element(
      'a',
      { class: 'get', href: `/media/${id}/download`, 'aria-label': `Download ${name}` },
      'Download',
    ),
  )
}
