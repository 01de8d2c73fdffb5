import {
  type Authenticator,
  type AuthorizeInput,
  badOption,
  isMediaError,
  MediaError,
  type ObjectStore,
  type Principal,
} from '@mediakeep/core'
import { denied } from '../router/access.ts'

/** What a bucket is open for at all, whoever asks. */
export type BucketRule = 'read' | 'write' | 'all'

/** A store under a name, or with what it is open for. Default `all`. */
export type Bucket = ObjectStore | { readonly store: ObjectStore; readonly allow: BucketRule }

/** An act on objects: `read` of one, `list`, `create` (also replaces), `delete`. */
export interface ObjectAuthorizeInput extends Pick<AuthorizeInput, 'principal'> {
  readonly action: 'read' | 'list' | 'create' | 'delete'
  readonly bucket: string
  /** Absent for lists. */
  readonly key?: string
}

/** Who may do what with objects. An `Access` of media that knows no buckets, as `openAccess()`, is one. */
export interface ObjectAccess {
  readonly authenticate: Authenticator
  authorize(input: ObjectAuthorizeInput): boolean | Promise<boolean>
}

export interface OpenBucket {
  readonly name: string
  readonly store: ObjectStore
  readonly allow: BucketRule
}

const BUCKET_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` for a name that cannot stand in a path, or a bucket that is no store. */
export function bucketsOf(buckets: Readonly<Record<string, Bucket>>): ReadonlyMap<string, OpenBucket> {
  return new Map(
    Object.entries(buckets).map(([name, bucket]) => {
      const { store, allow } = 'store' in bucket ? bucket : { store: bucket, allow: 'all' as const }
      if (!BUCKET_NAME.test(name))
        throw badOption(`objectRouter: ${JSON.stringify(name)} is no name of a bucket`)
      if (typeof store?.put !== 'function') throw badOption(`objectRouter: the bucket ${name} has no store`)
      if (!['read', 'write', 'all'].includes(allow))
        throw badOption(`objectRouter: the bucket ${name} allows read, write or all`)
      return [name, { name, store, allow }]
    }),
  )
}

/** Lets an act through, or throws what the asker may know. */
export async function allowAct(
  access: ObjectAccess,
  bucket: OpenBucket,
  principal: Principal | undefined,
  input: Pick<ObjectAuthorizeInput, 'action' | 'key'>,
): Promise<void> {
  const isRead = input.action === 'read' || input.action === 'list'
  if (bucket.allow !== 'all' && isRead !== (bucket.allow === 'read')) {
    throw new MediaError('MEDIA_DENIED', `the bucket is open to ${bucket.allow} only`, {
      reason: 'bucket-rule',
    })
  }
  if (await permits(access, { ...input, principal, bucket: bucket.name })) return
  throw denied(principal, `you may not ${input.action} here`)
}

async function permits(access: ObjectAccess, input: ObjectAuthorizeInput): Promise<boolean> {
  try {
    return (await access.authorize(input)) === true
  } catch (error) {
    if (isMediaError(error, 'MEDIA_DENIED')) return false
    throw error
  }
}
