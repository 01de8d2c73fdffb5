import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { defaultOptions, Upload } from 'tus-js-client'
import { tagsOf } from './service.js'
import { createUppyFiles } from './uppy-files.js'

const ENDPOINT = '/media/tus'
/** Over a minute without a word of the server: time to start it again, and for the upload to be free of the process that died. */
const RETRY_DELAYS_MS = [250, 1_000, 2_000, 3_000, 5_000, 5_000, 5_000, 10_000, 10_000, 15_000, 15_000]

/** tus by Uppy: goes on at the byte where it was, also after a reload. */
export function createTusDoor() {
  const uppy = new Uppy({ id: 'tus', autoProceed: true }).use(Tus, {
    endpoint: new URL(ENDPOINT, location.href).href,
    retryDelays: RETRY_DELAYS_MS,
    limit: 3,
    // Else the same file would find the upload that it was, and not be one more.
    removeFingerprintOnSuccess: true,
    allowedMetaFields: ['name', 'type', 'tags', 'pageId'],
  })
  const files = createUppyFiles(uppy, (_file, { body }) => body.xhr.getResponseHeader('Upload-Media-Id'))

  return {
    goesOn: true,
    begin(file, { id: pageId, onProgress }) {
      const meta = { tags: JSON.stringify(tagsOf('tus')), pageId }
      const { id, done } = files.add(file, { meta, onProgress })
      const toggle = () => uppy.pauseResume(id)
      return {
        done,
        pause: toggle,
        resume: toggle,
        async cancel() {
          // A paused one is ended here, for Uppy asks for that without telling when it is done.
          files.remove(id)
          await discard(pageId)
        },
      }
    },
    discard,
  }
}

/** Ends at the server what the library has kept under this id, and forgets it. */
async function discard(pageId) {
  const { urlStorage } = defaultOptions
  const kept = (await urlStorage.findAllUploads()).filter(({ metadata }) => metadata.pageId === pageId)
  for (const { uploadUrl, urlStorageKey } of kept) {
    if (uploadUrl) await Upload.terminate(uploadUrl).catch(gone)
    await urlStorage.removeUpload(urlStorageKey)
  }
}

function gone(error) {
  const status = error.originalResponse?.getStatus()
  if (status !== 404 && status !== 410) throw error
}
