/** What bodies of a type must be like. The first policy whose `match` fits the verified type is used. */
export interface MediaPolicy {
  /** `image/png`, `image/*` or `*` for all. */
  readonly match: string
  readonly maxBytes?: number
  readonly minBytes?: number
  readonly maxPixels?: number
  /** Refuse this type. */
  readonly refuse?: boolean
  /** Types without magic bytes (text, SVG, unknown) are taken only where a policy says so. */
  readonly allowUnrecognised?: boolean
}
