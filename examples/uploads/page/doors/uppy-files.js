/**
 * Uppy tells of all its files by events; here each file has a promise of its own.
 * `finish(file, response)` gives the id of the media once the bytes are sent.
 */
export function createUppyFiles(uppy, finish) {
  const open = new Map()

  async function settle(file, outcome) {
    const entry = open.get(file.id)
    if (entry === undefined) return
    open.delete(file.id)
    await outcome.then(entry.resolve, entry.reject)
    // Uppy refuses a file that it knows, and this one may come again.
    if (!open.has(file.id)) uppy.removeFile(file.id)
  }
  uppy.on('upload-progress', (file, { bytesUploaded }) => {
    if (file !== undefined) open.get(file.id)?.onProgress(bytesUploaded)
  })
  uppy.on('upload-success', (file, response) => void settle(file, Promise.resolve(finish(file, response))))
  uppy.on(
    'upload-error',
    (file, error, response) => void settle(file, Promise.reject(readable(error, response))),
  )

  return {
    /** Adds the file, which begins at once; gives Uppy's id of it. */
    add(file, { meta, onProgress }) {
      const { promise: done, resolve, reject } = Promise.withResolvers()
      const id = uppy.addFile({ name: file.name, type: file.type, data: file, meta })
      open.set(id, { resolve, reject, onProgress })
      return { id, done }
    },
    remove(id) {
      open.delete(id)
      uppy.removeFile(id)
    },
  }
}

/** The problem that the server told, in place of what a library makes of it. */
function readable(error, response) {
  try {
    const { detail } = JSON.parse(response?.body?.xhr?.responseText ?? error.request?.responseText ?? '')
    if (typeof detail === 'string') return new Error(detail, { cause: error })
  } catch {
    // No problem of ours: the library's words are all there is.
  }
  return error
}
