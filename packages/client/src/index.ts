/**
 * Media that may still be loading, and uploads that go on after a break, for browsers and Node.
 *
 * ```ts
 * const stop = attachMedia(image, '/media/k/photo.jpg', { placeholder: '/blur.svg' })
 * const response = await fetchMedia('https://host/media/k/film.mp4')
 * const media = await uploadMedia(file, { url: '/media/uploads', resumeKey: 'film' })
 * ```
 * @packageDocumentation
 */
export type { FetchMediaOptions, MediaWait } from './ask.ts'
export { attachAll } from './elements/attach-all.ts'
export { type AttachMediaOptions, attachMedia, type MediaState } from './elements/attach-media.ts'
export type { MediaElement } from './elements/media-element.ts'
export { fetchMedia, whenReady } from './fetch-media.ts'
export { MediaNotReadyError, type NotReadyFacts } from './not-ready.ts'
export type { UploadStorage } from './upload/memory.ts'
export type { RequestOptions } from './upload/requests.ts'
export { type RefusalFacts, UploadRefusedError } from './upload/upload-error.ts'
export {
  type CancelUploadOptions,
  cancelUpload,
  type UploadedAs,
  type UploadedMedia,
  type UploadMediaOptions,
  type UploadProgress,
  uploadMedia,
} from './upload/upload-media.ts'
