/** What bodies of a type must be like. The first policy whose `match` fits the verified type is used. */
export interface MediaPolicy {
  /** `image/png`, `image/*` or `*` for all. */
  readonly match: string
  readonly maxBytes?: number
  readonly minBytes?: number
  /** Width times height. Default 50,000,000 for `image/*`, none for video. */
  readonly maxPixels?: number
  /** Frames of an animation, pages of a document of images. Default 1,000. */
  readonly maxFrames?: number
  /** Pixels of all frames together. Default 1,000,000,000. */
  readonly maxTotalPixels?: number
  /**
   * Bytes behind the end of an image. Default `camera`: only what cameras append (further pictures, a moving photo, their
   * own trailers) and padding. `refuse`: padding alone. Whatever hides an archive, markup or a program there is refused by both.
   */
  readonly trailingData?: 'camera' | 'refuse' | 'allow'
  /**
   * Script, event attributes, references to other places, entities in SVG, HTML and XML; macros in office documents.
   * Default `refuse`.
   */
  readonly activeContent?: 'refuse' | 'allow'
  /** What archives may hold. `unchecked` takes them as they are. Default: limits with their own defaults. */
  readonly archives?: 'refuse' | 'unchecked' | ArchiveLimits
  /**
   * What of a body's own words its record tells to everybody who may read it. `size`: width, height, orientation, duration.
   * `camera` also: when and with what it was taken. `position` also: where. Default `camera`.
   */
  readonly facts?: 'size' | 'camera' | 'position'
  /** Refuse this type. */
  readonly refuse?: boolean
  /** Types without magic bytes (text, SVG, unknown) are taken only where a policy says so. */
  readonly allowUnrecognised?: boolean
}

/** What an archive may promise. It is looked at by its directory and never unpacked. */
export interface ArchiveLimits {
  /** Files and folders in it. Default 10,000. */
  readonly maxEntries?: number
  /** What all of it takes unpacked. Default 1 GiB. */
  readonly maxTotalBytes?: number
  /** Unpacked bytes for each packed one, of any entry above 1 MiB and of the whole. Default 100. */
  readonly maxRatio?: number
  /** Default false: what is encrypted cannot be scanned. */
  readonly allowEncrypted?: boolean
  /** Archives within the archive. Default false; documents of office programs may hold each other. */
  readonly allowNested?: boolean
}
