import { uploadMedia } from '@mediakeep/client'
import { fetchWithProgress } from './fetch-with-progress.js'
import { tagsOf } from './service.js'

/** One PUT of the whole to a signed address, which needs no credentials of the sender's own. */
export function createPresignedDoor() {
  return {
    goesOn: false,
    begin(file, { onProgress }) {
      const controller = new AbortController()
      const sending = uploadMedia(file, {
        url: '/media/uploads',
        mode: 'presigned',
        media: { tags: tagsOf('presigned') },
        signal: controller.signal,
        fetch: fetchWithProgress(onProgress),
      })
      return {
        done: sending.then(({ id }) => id),
        async cancel() {
          controller.abort()
          await sending.catch(() => {})
        },
      }
    },
  }
}
