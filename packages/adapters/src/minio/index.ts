/**
 * Objects in a bucket of a MinIO server, with what S3 clients lack: bucket set-up, notifications, signed forms.
 * @packageDocumentation
 */
export type { BucketReason } from '../s3-protocol/errors.ts'
export type { BucketStore, BucketStoreOptions } from '../s3-protocol/options.ts'
export type { BucketDifference, BucketSetUp } from '../s3-protocol/set-up.ts'
export type { ObjectHint } from './notifications.ts'
export type { ListenOptions, MinioConnection, MinioStore, MinioStoreOptions } from './options.ts'
export type { FormOptions, SignedForm } from './sign-form.ts'
export { minioStore } from './store.ts'
