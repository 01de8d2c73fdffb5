import type { UploadStorage } from './memory.ts'

/** What only browsers have. */
export const platform: {
  readonly fetch: typeof globalThis.fetch
  readonly localStorage?: UploadStorage | undefined
  readonly location?: { readonly href: string }
} = globalThis
