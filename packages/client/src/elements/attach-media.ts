import { ELEMENT_MAX_WAIT_MS, LAZY_MARGIN, MAX_ELEMENT_ERRORS } from '../defaults.ts'
import type { PollOutcome } from '../polls.ts'
import { createStage, isImage, type MediaElement } from './media-element.ts'
import { pollsOfPage } from './page.ts'

/** `loading`: the placeholder is shown. `missing`: the server does not know it. `failed`: it cannot be had or shown now. */
export type MediaState = 'loading' | 'ready' | 'missing' | 'failed'

export interface AttachMediaOptions {
  /** Address of a picture for the time until the media is there; by default the element's own `src` (image) or `poster` (video). */
  readonly placeholder?: string | undefined
  /** Told of each change of the state. */
  readonly onState?: ((state: MediaState) => void) | undefined
  /** Of the question, as for `fetch`; by default as the element's `crossorigin` says. */
  readonly credentials?: RequestInit['credentials'] | undefined
  /** Time for asking and waiting while the page is seen; 600,000 by default. */
  readonly maxWaitMs?: number | undefined
}

const stops = new WeakMap<MediaElement, () => void>()

/**
 * Shows a placeholder until the media is ready, then gives its address to the element, which loads it as ever: ranges and
 * streaming of video are the browser's. Asks by HEAD, at the times the server names; elements of one address share one
 * question, a page asks at most 4 at once, and asks nothing again while nobody sees it or it has no network. An image with
 * `loading="lazy"` is asked for when it comes near the view.
 *
 * `data-media-state` says how it stands, `aria-busy` is `true` while it loads. When the element cannot show what was
 * ready, it is asked for and given anew, twice. It ends by itself when the element leaves the document. Attaching another
 * address to the element ends the one before.
 * @returns how to stop.
 * @throws TypeError for an address that is none.
 */
export function attachMedia(
  element: MediaElement,
  url: string | URL,
  options: AttachMediaOptions = {},
): () => void {
  const { placeholder, onState, maxWaitMs = ELEMENT_MAX_WAIT_MS } = options
  const credentials = options.credentials ?? credentialsOf(element)
  const address = new URL(url, element.baseURI).href
  stops.get(element)?.()
  const stage = createStage(element, address, placeholder)
  const ended = new AbortController()
  let state: MediaState | undefined
  let leave = (): void => {}
  let isGiven = false
  let errors = 0
  let resumeAtSeconds = 0
  let wasConnected = false

  function enter(next: MediaState): void {
    if (state === next) return
    state = next
    element.dataset['mediaState'] = next
    if (next === 'loading') element.setAttribute('aria-busy', 'true')
    else element.removeAttribute('aria-busy')
    onState?.(next)
  }

  function stop(): void {
    ended.abort()
    leave()
    if (stops.get(element) === stop) stops.delete(element)
    if (state !== 'loading') return
    state = undefined
    delete element.dataset['mediaState']
    element.removeAttribute('aria-busy')
  }

  /** An element that is yet to be put into the document is waited for; one that was there and is not any more has left. */
  function isThere(): boolean {
    if (wasConnected && !element.isConnected) stop()
    wasConnected ||= element.isConnected
    return !ended.signal.aborted
  }

  function giveUp(as: 'missing' | 'failed'): void {
    ended.abort()
    stage.showPlaceholder()
    enter(as)
  }

  function settle(outcome: PollOutcome): void {
    if (!isThere()) return
    if (outcome !== 'ready') {
      giveUp(outcome)
      return
    }
    isGiven = true
    stage.showMedia()
    if (isImage(element)) return // Ready when it has loaded.
    if (resumeAtSeconds > 0) element.currentTime = resumeAtSeconds
    // A player loads when it likes, with preload="none" not before somebody plays.
    enter('ready')
  }

  function ask(): void {
    isGiven = false
    leave = pollsOfPage().join({ url: address, credentials, maxWaitMs }, { isThere, settle })
  }

  function onError(): void {
    if (!isGiven || !isThere()) return
    errors += 1
    if (errors > MAX_ELEMENT_ERRORS) {
      giveUp('failed')
      return
    }
    if (!isImage(element)) resumeAtSeconds = element.currentTime
    stage.showPlaceholder()
    enter('loading')
    ask()
  }

  function onLoad(): void {
    if (!isGiven) return
    ended.abort()
    enter('ready')
  }

  stops.set(element, stop)
  element.addEventListener('error', onError, { signal: ended.signal })
  element.addEventListener('load', onLoad, { signal: ended.signal })
  stage.showPlaceholder()
  enter('loading')
  whenNear(element, ended.signal, ask)
  return stop
}

function credentialsOf({ crossOrigin }: MediaElement): 'include' | 'same-origin' {
  return crossOrigin === 'use-credentials' ? 'include' : 'same-origin'
}

/** Pictures far down a page may never be looked at, and a question makes the server load them. */
function whenNear(element: MediaElement, signal: AbortSignal, begin: () => void): void {
  if (!isImage(element) || element.loading !== 'lazy') {
    begin()
    return
  }
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return
      observer.disconnect()
      begin()
    },
    { rootMargin: LAZY_MARGIN },
  )
  observer.observe(element)
  signal.addEventListener('abort', () => observer.disconnect(), { once: true })
}
