/* How a file looks: a picture, a player, or a tile that says what it is. All fill a box of given size: nothing jumps. */
import { contentUrl } from './api.js'
import { element, icon } from './dom.js'
import { formatType } from './format.js'
import { stopPlayer, takeTurns } from './player.js'
import { forgetStill, wantStill } from './posters.js'

const archives = /zip|tar|gzip|compressed|7z|rar/

/** `image`, `video`, `audio` play and show in place; everything else is a tile. */
export function kindOf({ contentType }) {
  const kind = contentType.split('/')[0]
  if (kind === 'image' || kind === 'video' || kind === 'audio') return kind
  return archives.test(contentType) ? 'archive' : 'document'
}

const tileIcon = { image: 'picture', video: 'film', audio: 'sound', archive: 'archive', document: 'document' }

function tile(media, words) {
  return element(
    'span',
    { class: 'tile' },
    icon(tileIcon[kindOf(media)]),
    element('span', { class: 'tile-type' }, formatType(media.contentType)),
    words && element('span', { class: 'tile-words' }, words),
  )
}

/** What the browser cannot show is said in its place; the file itself is fine. */
const insteadOf = (shown, media) => () => {
  if (shown.isConnected)
    shown.replaceWith(tile(media, 'Your browser cannot show this one. Download it instead.'))
}

function image(media, { lazy }) {
  const shown = element('img', {
    class: 'picture',
    alt: '',
    decoding: 'async',
    loading: lazy ? 'lazy' : undefined,
  })
  // The listener first: a cached failure would otherwise come and go unseen.
  shown.addEventListener('error', insteadOf(shown, media))
  shown.src = contentUrl(media)
  if (media.contentType === 'image/svg+xml') shown.classList.add('drawing')
  return shown
}

function video(media, { lazy }) {
  const shown = element('video', {
    class: 'picture',
    controls: true,
    playsinline: true,
    preload: lazy ? 'none' : 'metadata',
    'aria-label': media.filename,
  })
  shown.addEventListener('error', () => {
    if (shown.hasAttribute('src')) insteadOf(shown, media)()
  })
  shown.src = contentUrl(media)
  takeTurns(shown)
  if (lazy) wantStill(shown, media)
  return shown
}

function audio(media, { lazy }) {
  const player = element('audio', {
    controls: true,
    preload: lazy ? 'none' : 'metadata',
    src: contentUrl(media),
    'aria-label': media.filename,
  })
  takeTurns(player)
  return element('span', { class: 'sound' }, icon('sound'), player)
}

/** `lazy` previews load when they are in sight or asked for. */
export function createPreview(media, { lazy }) {
  switch (kindOf(media)) {
    case 'image':
      return image(media, { lazy })
    case 'video':
      return video(media, { lazy })
    case 'audio':
      return audio(media, { lazy })
    default:
      return tile(media)
  }
}

/** Lets go of connections and stills of a preview that leaves the page. */
export function releasePreview(root) {
  for (const player of root.querySelectorAll('video, audio')) {
    if (player.tagName === 'VIDEO') forgetStill(player)
    stopPlayer(player)
  }
}
