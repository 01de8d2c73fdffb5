import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { type PreviousUpload, Upload, type UploadOptions } from 'tus-js-client'

type UrlStorage = NonNullable<UploadOptions['urlStorage']>

export interface ClientUpload {
  /** Resolves when the client says that all is uploaded. */
  readonly done: Promise<void>
  readonly upload: Upload
  /** Offsets that the server told in answers to HEAD, with the bytes that had been sent by then. */
  readonly told: readonly { readonly offset: number; readonly sentBytes: number }[]
}

/** The real client on a file. */
export function uploadFile(path: string, options: UploadOptions): ClientUpload {
  return uploadStream(createReadStream(path), options)
}

/** The real client on a stream; of one that is not a file's it does not know the length. */
export function uploadStream(stream: Readable, options: UploadOptions): ClientUpload {
  const told: { offset: number; sentBytes: number }[] = []
  let sentBytes = 0
  let settle: { resolve(): void; reject(error: Error): void } | undefined
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const upload = new Upload(stream, {
    retryDelays: null,
    ...options,
    onProgress(bytesSent, bytesTotal) {
      sentBytes = Math.max(sentBytes, bytesSent)
      options.onProgress?.(bytesSent, bytesTotal)
    },
    onAfterResponse(request, response) {
      const offset = response.getHeader('Upload-Offset')
      if (request.getMethod() === 'HEAD' && offset !== undefined)
        told.push({ offset: Number(offset), sentBytes })
      return options.onAfterResponse?.(request, response)
    },
    onSuccess: () => settle?.resolve(),
    onError: (error) => settle?.reject(error),
  })
  return { done, upload, told }
}

/** Where the client finds, after a restart, what it had begun. */
export function fileUrlStorage(path: string): UrlStorage {
  const read = async (): Promise<PreviousUpload[]> => {
    const text = await readFile(path, 'utf8').catch(() => '[]')
    return JSON.parse(text) as PreviousUpload[]
  }
  const write = (uploads: readonly PreviousUpload[]): Promise<void> =>
    writeFile(path, JSON.stringify(uploads))
  const keyOf = (fingerprint: string): string => `${fingerprint}:upload`
  return {
    findAllUploads: read,
    async findUploadsByFingerprint(fingerprint) {
      return (await read()).filter(({ urlStorageKey }) => urlStorageKey === keyOf(fingerprint))
    },
    async removeUpload(key) {
      await write((await read()).filter(({ urlStorageKey }) => urlStorageKey !== key))
    },
    async addUpload(fingerprint, upload) {
      const urlStorageKey = keyOf(fingerprint)
      await write([...(await read()), { ...upload, urlStorageKey }])
      return urlStorageKey
    },
  }
}
