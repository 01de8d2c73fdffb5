import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { cancelAt, tagsOf } from './service.js'
import { createUppyFiles } from './uppy-files.js'

const UPLOADS = '/media/uploads'

/** A body in parts: the store begins, signs each part and completes, as Uppy asks for it of a Companion. */
export function createDirectParts() {
  const uppy = new Uppy({ id: 'direct-parts', autoProceed: true }).use(AwsS3, {
    companionEndpoint: UPLOADS,
    shouldUseMultipart: true,
    limit: 3,
    allowedMetaFields: ['tags', 'sizeBytes'],
  })
  const files = createUppyFiles(uppy, (_file, { body }) => body.key)

  return {
    begin(file, { onProgress }) {
      const meta = { tags: JSON.stringify(tagsOf('direct')), sizeBytes: String(file.size) }
      const { id, done } = files.add(file, { meta, onProgress })
      const toggle = () => uppy.pauseResume(id)
      return {
        done,
        pause: toggle,
        resume: toggle,
        async cancel() {
          const uploadId = uppy.getFile(id)?.s3Multipart?.uploadId
          files.remove(id)
          // Uppy asks for the same without telling when it is done.
          if (uploadId !== undefined) await cancelAt(`${UPLOADS}/${uploadId}`)
        },
      }
    },
  }
}
