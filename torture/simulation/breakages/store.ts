import type { ObjectHead, ObjectStore, PutObjectOptions } from '@mediakeep/core'

/** Answers before the bytes have their name: the record is written first. */
export function publishingLate(store: ObjectStore): ObjectStore {
  const late = (key: string, sizeBytes: number, publish: () => Promise<ObjectHead>): Promise<ObjectHead> => {
    publish().catch(() => {}) // nobody waits for it: that is the fault
    return Promise.resolve({ key, sizeBytes, etag: 'early', modifiedAt: new Date(0) })
  }
  const { adopt } = store
  return {
    ...store,
    put: (key, source, options) => late(key, source.sizeBytes, () => store.put(key, source, options)),
    ...(adopt === undefined
      ? {}
      : {
          adopt: (key: string, filePath: string, options?: PutObjectOptions) => adopt(key, filePath, options),
        }),
  }
}
