import { MediaError } from '@mediakeep/core'
import { type Client, PostPolicy } from 'minio'

export interface FormOptions {
  readonly expiresAt: Date
  readonly minBytes?: number
  readonly maxBytes: number
  /** Exactly this type, or with `/` at its end any that begins so: `image/`. */
  readonly contentType?: string
}

/** A form that a browser may send to the bucket itself: its fields first, the file last. */
export interface SignedForm {
  readonly url: URL
  readonly fields: Readonly<Record<string, string>>
}

/** @throws MediaError MEDIA_BAD_INPUT `not-signable` */
export async function signForm(
  client: Client,
  bucket: string,
  name: string,
  options: FormOptions,
): Promise<SignedForm> {
  const { minBytes = 0, maxBytes, contentType } = options
  if (
    !(
      Number.isSafeInteger(maxBytes) &&
      Number.isSafeInteger(minBytes) &&
      minBytes >= 0 &&
      minBytes <= maxBytes
    )
  ) {
    throw new MediaError('MEDIA_BAD_INPUT', `minio: ${minBytes} to ${maxBytes} is no range of sizes`, {
      reason: 'not-signable',
    })
  }
  const policy = new PostPolicy()
  policy.setBucket(bucket)
  policy.setKey(name)
  policy.setExpires(options.expiresAt)
  policy.setContentLengthRange(minBytes, maxBytes)
  if (contentType?.endsWith('/') === true) policy.setContentTypeStartsWith(contentType)
  else if (contentType !== undefined) policy.setContentType(contentType)
  const { postURL, formData } = await client.presignedPostPolicy(policy)
  return { url: new URL(postURL), fields: formData }
}
