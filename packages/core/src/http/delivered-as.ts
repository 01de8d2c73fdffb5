import { formatDisposition } from './content-disposition.ts'
import { INLINE_TYPES } from './inline-types.ts'
import { servedContentType } from './served-type.ts'

/** How a content is handed to browsers, by whatever way it goes. */
export interface Delivery {
  readonly contentType: string
  readonly disposition: string
}

/** Types that could carry script are attachments, whatever was asked for. */
export function deliveredAs(
  { contentType, filename }: { readonly contentType: string; readonly filename: string },
  options: { readonly download?: boolean; readonly inlineTypes?: ReadonlySet<string> } = {},
): Delivery {
  const type = servedContentType(contentType)
  const isInline = options.download !== true && (options.inlineTypes ?? INLINE_TYPES).has(type.essence)
  return {
    contentType: type.value,
    disposition: formatDisposition(isInline ? 'inline' : 'attachment', filename),
  }
}
