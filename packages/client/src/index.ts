/**
 * Media that may still be loading, for browsers and Node.
 *
 * ```ts
 * const stop = attachMedia(image, '/media/k/photo.jpg', { placeholder: '/blur.svg' })
 * const response = await fetchMedia('https://host/media/k/film.mp4')
 * ```
 * @packageDocumentation
 */
export type { FetchMediaOptions, MediaWait } from './ask.ts'
export { attachAll } from './elements/attach-all.ts'
export { type AttachMediaOptions, attachMedia, type MediaState } from './elements/attach-media.ts'
export type { MediaElement } from './elements/media-element.ts'
export { fetchMedia, whenReady } from './fetch-media.ts'
export { MediaNotReadyError, type NotReadyFacts } from './not-ready.ts'
