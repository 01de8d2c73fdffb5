/* Ties the parts together. Every part is in a file of its own name. */
import { contentUrl, deleteMedia, sendFile } from './api.js'
import { confirmDelete } from './confirm.js'
import { onConnectionChange } from './connection.js'
import { byId } from './dom.js'
import { createFilters } from './filters.js'
import { createGallery } from './gallery.js'
import { watchIncoming } from './incoming.js'
import { announce, say, showServerGone } from './notices.js'
import { refreshTotals } from './totals.js'
import { createUploadList } from './upload-list.js'
import { createUploadQueue } from './upload-queue.js'
import { createViewer } from './viewer.js'

const filters = createFilters({ onChange: () => void gallery.reload() })

const actions = {
  open: (media, options) => viewer.open(media, options),
  findTag: (tag) => filters.findTag(tag),
  async copyLink(media) {
    const link = new URL(contentUrl(media), location.href).href
    try {
      await navigator.clipboard.writeText(link)
      say('Link copied')
    } catch {
      say(`The browser keeps the clipboard closed. The link: ${link}`)
    }
  },
  async remove(media) {
    const isShared = gallery.copiesOf(media) > 1
    const confirmed = await confirmDelete({
      title: `Delete ${media.filename}?`,
      words: isShared
        ? 'Only this entry goes. Another file here has the same bytes, so they stay on disk.'
        : 'This cannot be undone.',
    })
    if (!confirmed) return
    try {
      await deleteMedia(media)
    } catch (problem) {
      // Gone already is what was asked for.
      if (problem.status !== 404) return say(problem.message)
    }
    viewer.close()
    gallery.remove(media)
    say(`${media.filename} is deleted`)
    void refreshTotals()
  },
}

const gallery = createGallery({ filters, actions, announce })

const viewer = createViewer({
  copiesOf: gallery.copiesOf,
  neighbour: gallery.neighbour,
  onChanged: gallery.update,
  onClosed: (media) => gallery.focus(media),
  actions,
  say,
})

const uploadList = createUploadList({ announce, onOpen: actions.open })

const uploadQueue = createUploadQueue({
  send: sendFile,
  onChange(upload) {
    if (upload.state === 'done') {
      upload.isCopy = gallery.add(upload.media)
      void refreshTotals()
    }
    uploadList.render(upload)
  },
})
uploadList.bind(uploadQueue)

watchIncoming({
  onFiles: (files) => uploadQueue.add(files),
  onUnreadable: () => say('That folder could not be read. Check that you may open it, then try again.'),
})

onConnectionChange((isBack) => {
  showServerGone(!isBack)
  if (!isBack) return
  announce('The server is back')
  uploadQueue.resume()
  void gallery.reload()
  void refreshTotals()
})

byId('drop-shell-line').append(` ${new URL('media', location.href).href}`)
void gallery.reload()
void refreshTotals()
