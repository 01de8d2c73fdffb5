import { cancelUpload, uploadMedia } from '@mediakeep/client'
import { tagsOf } from './service.js'

/** Small, so that there is progress to see; a network far away is served better by the server's own 8 MiB. */
const CHUNK_BYTES = 1024 * 1024
const MAX_CHUNKS = 10_000

/** Chunks by `fetch`, three at once: those that are there are not sent again, also after a reload. */
export function createChunkedDoor() {
  return {
    goesOn: true,
    begin(file, { id, onProgress }) {
      const { promise: done, resolve, reject } = Promise.withResolvers()
      let controller
      let running = Promise.resolve()
      const start = () => {
        controller = new AbortController()
        const { signal } = controller
        running = uploadMedia(file, {
          url: '/media/uploads',
          media: { tags: tagsOf('chunked') },
          resumeKey: id,
          signal,
          ...(file.size <= MAX_CHUNKS * CHUNK_BYTES && { chunkBytes: CHUNK_BYTES }),
          onProgress: ({ sentBytes }) => onProgress(sentBytes),
        })
          .then((media) => resolve(media.id))
          .catch((/** @type {unknown} */ error) => {
            if (!signal.aborted) reject(error)
          })
      }
      const pause = async () => {
        controller.abort()
        await running
      }
      start()
      return {
        done,
        pause,
        async resume() {
          await running
          start()
        },
        async cancel() {
          await pause()
          await cancelUpload({ resumeKey: id })
        },
      }
    },
    async discard(id) {
      await cancelUpload({ resumeKey: id })
    },
  }
}
