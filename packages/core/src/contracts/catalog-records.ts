import type { Digest, JsonObject } from './bytes.ts'
import type { LinkTarget, MediaFacts, MediaState, Visibility } from './media.ts'

export interface VolumeRecord {
  readonly id: string
  readonly tier: string
  readonly hostId?: string
  readonly layout: number
}

export type PlacementState = 'staged' | 'live' | 'leaving' | 'bad'

export interface PlacementRecord {
  readonly id: string
  readonly blobId: string
  readonly volumeId: string
  /** Physical key, used once and never again. */
  readonly key: string
  readonly state: PlacementState
  /** False for an external object that was registered: never deleted, moved or overwritten by us. */
  readonly owned: boolean
  readonly storedBytes: number
  readonly etag?: string
}

export interface ContentRecord {
  readonly number: number
  readonly state: MediaState
  readonly blobId: string
  readonly digest?: Digest
  readonly sizeBytes: number
  readonly contentType: string
  readonly filename: string
  readonly facts: MediaFacts
  readonly createdAt: Date
  /** Placements that are `live`. */
  readonly placements: readonly PlacementRecord[]
}

/** One record with what reading and answering needs. Immutable: catalogs may share one object among callers. */
export interface MediaRecord {
  readonly id: string
  readonly namespace: string
  readonly key?: string
  readonly owner: string
  readonly visibility: Visibility
  readonly revision: number
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  readonly links: readonly LinkTarget[]
  readonly createdAt: Date
  readonly updatedAt: Date
  /** The content that serves: the newest active one, else the newest. */
  readonly content: ContentRecord
}

export interface CatalogPage {
  readonly records: readonly MediaRecord[]
  readonly nextCursor?: string
}

export interface CatalogUsage {
  readonly name: string
  readonly media: number
  readonly logicalBytes: number
  readonly storedBytes: number
}

export interface VolumeUsage {
  readonly volumeId: string
  readonly storedBytes: number
  readonly objects: number
  readonly reservedBytes: number
}
