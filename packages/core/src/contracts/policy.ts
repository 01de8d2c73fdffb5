/** The rules for bodies of one type. The first policy that matches the verified content type applies. */
export interface MediaPolicy {
  /** A content type: `image/png`, `image/*`, or `*` for all. */
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
   * Which bytes may follow the end of an image. Default `camera`: padding, and what cameras append (further pictures, a moving photo, their
   * own trailers). `refuse`: padding only. Both refuse an archive, markup or a program hidden there.
   */
  readonly trailingData?: 'camera' | 'refuse' | 'allow'
  /**
   * Whether SVG, HTML and XML may contain script, event attributes, external references and entities, and office documents macros.
   * Default `refuse`.
   */
  readonly activeContent?: 'refuse' | 'allow'
  /** What archives may contain. `unchecked` accepts them without a look inside. Default: the defaults of `ArchiveLimits`. */
  readonly archives?: 'refuse' | 'unchecked' | ArchiveLimits
  /**
   * Which facts from the bytes the record keeps, for everybody who may read it. `size`: width, height, orientation, duration.
   * `camera`: in addition when and with what it was taken. `position`: in addition where. Default `camera`.
   */
  readonly facts?: 'size' | 'camera' | 'position'
  /** Refuse this type. */
  readonly refuse?: boolean
  /** Accept types that cannot be recognised from their bytes (text, SVG, unknown). Default false. */
  readonly allowUnrecognised?: boolean
}

/** Limits for archives, by what their directory says. Archives are never unpacked. */
export interface ArchiveLimits {
  /** Files and folders in it. Default 10,000. */
  readonly maxEntries?: number
  /** Total size of the unpacked contents. Default 1 GiB. */
  readonly maxTotalBytes?: number
  /** Ratio of unpacked to packed bytes, for every entry above 1 MiB and for the whole. Default 100. */
  readonly maxRatio?: number
  /** Default false: what is encrypted cannot be scanned. */
  readonly allowEncrypted?: boolean
  /** Archives within the archive. Default false; documents of office programs may hold each other. */
  readonly allowNested?: boolean
}
