import { type AttachMediaOptions, attachMedia } from './attach-media.ts'
import type { MediaElement } from './media-element.ts'

const SELECTOR = 'img[data-media-src],video[data-media-src],audio[data-media-src]'

/**
 * Attaches every `img`, `video` and `audio` below `root` to the address in its `data-media-src`, those that come later too,
 * and anew when it changes.
 * @returns how to stop all of it.
 */
export function attachAll(root: ParentNode = document, options: AttachMediaOptions = {}): () => void {
  const attached = new Map<Node, () => void>()

  function detach(node: Node): void {
    attached.get(node)?.()
    attached.delete(node)
  }

  function attachNew(): void {
    for (const element of root.querySelectorAll<MediaElement>(SELECTOR)) {
      const url = element.dataset['mediaSrc']
      if (url === undefined || attached.has(element)) continue
      attached.set(element, () => {})
      try {
        attached.set(element, attachMedia(element, url, options))
      } catch (error) {
        reportError(error) // One that has no address takes nothing from the others.
      }
    }
  }

  const observer = new MutationObserver((records) => {
    for (const { type, target } of records) if (type === 'attributes') detach(target)
    for (const node of [...attached.keys()]) if (!root.contains(node)) detach(node)
    attachNew()
  })

  attachNew()
  observer.observe(root, { childList: true, subtree: true, attributeFilter: ['data-media-src'] })
  return () => {
    observer.disconnect()
    for (const node of [...attached.keys()]) detach(node)
  }
}
