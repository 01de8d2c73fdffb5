import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import { ask, cancelAt, tagsOf } from './service.js'
import { createUppyFiles } from './uppy-files.js'

/** What browsers set by themselves, and let no script set. */
const SET_BY_BROWSERS = new Set(['content-length', 'host'])

/** The whole body by one PUT, to the bucket or, where there is none, to an address of the store itself. */
export function createDirectWhole() {
  /** What the server told of each upload, by Uppy's id of its file. */
  const begun = new Map()
  const uppy = new Uppy({ id: 'direct', autoProceed: true }).use(AwsS3, {
    shouldUseMultipart: false,
    limit: 3,
    generateObjectKey: ({ id }) => id,
    async signRequest({ key, contentType }) {
      // Asked for with each try: the address of an upload stays the same while it lives.
      if (!begun.has(key)) begun.set(key, begin(uppy.getFile(key), contentType))
      const { url, headers } = await begun.get(key)
      const settable = Object.entries(headers).filter(([name]) => !SET_BY_BROWSERS.has(name.toLowerCase()))
      return { url: new URL(url, location.href).href, headers: Object.fromEntries(settable) }
    },
  })
  const files = createUppyFiles(uppy, async ({ id }) => {
    const { uploadId } = await begun.get(id)
    // The bucket has the bytes; now they are looked at, and become a media.
    const media = await ask('POST', `/media/uploads/${uploadId}/complete`)
    begun.delete(id)
    return media.id
  })

  /** Its address is good for nothing any more, and its room is free. */
  async function discard(id) {
    const beginning = begun.get(id)
    begun.delete(id)
    const upload = await beginning?.catch(() => undefined)
    if (upload !== undefined) await cancelAt(`/media/uploads/${upload.uploadId}`)
  }

  return {
    begin(file, { onProgress }) {
      const { id, done } = files.add(file, { meta: {}, onProgress })
      return {
        done: done.catch(async (error) => {
          // Another try begins anew. What cannot be told now runs out by itself.
          await discard(id).catch(() => {})
          throw error
        }),
        async cancel() {
          files.remove(id)
          await discard(id)
        },
      }
    },
  }
}

const begin = ({ name, size }, contentType) =>
  ask('POST', '/media/uploads', {
    filename: name,
    contentType,
    sizeBytes: size,
    mode: 'direct',
    tags: tagsOf('direct'),
  })
