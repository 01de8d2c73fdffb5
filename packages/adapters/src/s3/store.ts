import { refuseUnknown } from '@mediakeep/core'
import { createBucketStore } from '../s3-protocol/store.ts'
import { createSdkAdmin } from './admin.ts'
import { createSdkBucketClient } from './bucket-client.ts'
import { clientOf } from './client.ts'
import { CLIENT_OPTIONS, S3_OPTIONS, type S3Store, type S3StoreOptions } from './options.ts'

/**
 * A store of objects in a bucket of Amazon S3, or of anything that speaks its protocol, by the AWS SDK. Opens by itself with the
 * first call; any number of hosts may use one bucket.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` `bad-prefix` `unknown-option`; from every call: MEDIA_UNAVAILABLE `volume-offline` `access-denied`
 * `bad-credentials` `clock-skew` `wrong-region` `unreachable` `timed-out` `connection-lost` `server-error`, MEDIA_BUSY `slow-down`,
 * MEDIA_NO_SPACE `backend-full` `bucket-quota`, MEDIA_CLOSED.
 */
export function s3Store(options: S3StoreOptions): S3Store {
  if ('client' in options) refuseUnknown('s3Store with a client', options, CLIENT_OPTIONS)
  else refuseUnknown('s3Store', options, S3_OPTIONS)
  const { client, isOurs } = clientOf(options)
  const endpoint = 'client' in options ? undefined : options.endpoint
  const { store } = createBucketStore(options, {
    defaultName: 's3',
    client: createSdkBucketClient(client, options.bucket, isOurs),
    admin: createSdkAdmin(client, options.bucket),
    paid: options.paid ?? endpoint === undefined,
    async address() {
      const found = await client.config.endpoint?.()
      const host = found === undefined ? 's3' : `${found.hostname}:${found.port ?? ''}`
      return `${host}/${options.bucket}`
    },
  })
  return store
}
