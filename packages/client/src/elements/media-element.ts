// For those who compile without the browser's types, on servers: their compiler merges these with nothing.
declare global {
  interface HTMLImageElement {}
  interface HTMLVideoElement {}
  interface HTMLAudioElement {}
  interface ParentNode {}
}

/** What shows or plays media. */
export type MediaElement = HTMLImageElement | HTMLVideoElement | HTMLAudioElement

export const isImage = (element: MediaElement): element is HTMLImageElement => element.localName === 'img'

/** The attribute that shows a picture before the media is there; sound has none. */
function placeholderAttribute(element: MediaElement): 'src' | 'poster' | undefined {
  if (isImage(element)) return 'src'
  return element.localName === 'video' ? 'poster' : undefined
}

/** What stood in the page, and what was put in its place: the next media of the element begins from the former. */
interface Shown {
  readonly own: string | null
  readonly put: string | null
}
const shownBefore = new WeakMap<MediaElement, Shown>()

/** What an element can be made to show. */
export interface Stage {
  /** The placeholder, or what the page had there. */
  showPlaceholder(): void
  showMedia(): void
}

/** `placeholder` in place of the element's own `src` (image) or `poster` (video). */
export function createStage(element: MediaElement, url: string, placeholder: string | undefined): Stage {
  const attribute = placeholderAttribute(element)
  const current = attribute === undefined ? null : element.getAttribute(attribute)
  const before = shownBefore.get(element)
  const own = before !== undefined && before.put === current ? before.own : current

  function put(value: string | null): void {
    if (attribute === undefined) return
    if (value === null) element.removeAttribute(attribute)
    else element.setAttribute(attribute, value)
    shownBefore.set(element, { own, put: value })
  }

  return {
    showPlaceholder() {
      put(placeholder ?? own)
      if (isImage(element) || !element.hasAttribute('src')) return
      // The media before must not play under the name of this one.
      element.removeAttribute('src')
      element.load()
    },
    showMedia() {
      if (isImage(element)) {
        put(url)
        return
      }
      put(own) // Else the placeholder would hide the first frame until somebody plays.
      element.src = url
    },
  }
}
