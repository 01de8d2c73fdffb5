import { refuseUnknown } from '@mediakeep/core'
import { createBucketStore } from '../s3-protocol/store.ts'
import { connect } from './client.ts'
import { listen } from './notifications.ts'
import { type ListenOptions, MINIO_OPTIONS, type MinioStore, type MinioStoreOptions } from './options.ts'
import { signForm } from './sign-form.ts'

/**
 * A store of objects in a bucket of a MinIO server, by the `minio` client. Opens by itself with the first call; any number of hosts
 * may use one bucket. Errors and reasons are those of `s3Store`.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` `bad-prefix` `unknown-option`
 */
export function minioStore(options: MinioStoreOptions): MinioStore {
  refuseUnknown('minioStore', options, MINIO_OPTIONS)
  const { client, bucketClient, admin, requests, host } = connect(options, options.bucket)
  const { store, layout, enter, failed } = createBucketStore(options, {
    defaultName: 'minio',
    client: bucketClient,
    admin,
    paid: options.paid ?? false,
    address: async () => `${host}/${options.bucket}`,
  })
  return Object.assign(store, {
    async *listen({ prefix = '', ...call }: ListenOptions = {}) {
      const { scope, frame } = enter(call, 'reconcile')
      try {
        yield* listen(requests, layout, prefix, frame, (error) => failed('listen to the bucket', error))
      } finally {
        scope.release()
      }
    },
    signForm: async (key: string, form: Parameters<MinioStore['signForm']>[1]) => {
      enter(undefined, 'write').scope.release() // refuses when the store is closed
      return signForm(client, options.bucket, layout.nameOf(key), form)
    },
  })
}
