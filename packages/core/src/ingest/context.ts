import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import type { Inspector } from '../inspect/index.ts'
import type { Scanning } from '../scanning/scanning.ts'
import type { Chooser } from '../tiering/places.ts'
import type { Volume } from '../tiering/volume.ts'
import type { Volumes } from '../tiering/volumes.ts'
import type { HeldBytes } from './held-bytes.ts'

/** A body that was kept, and where it belongs. */
export interface KeptBody {
  readonly blobId: string
  readonly sizeBytes: number
  readonly placementId: string
  readonly volume: Volume
  readonly wanted: Volume
}

/** What taking a body in needs of the store it belongs to. */
export interface IngestContext {
  readonly catalog: Catalog
  readonly volumes: Volumes
  readonly chooser: Chooser
  /** Called after each commit that wrote bytes. Never throws, never waits. */
  onKept(body: KeptBody): void
  readonly clock: Clock
  readonly policies: readonly MediaPolicy[]
  readonly maxBodyBytes: number
  readonly memoryBodyBytes: number
  readonly held: HeldBytes
  readonly sessionTtlMs: number
  /** Live copies on different home volumes that every blob should have. */
  readonly minCopies: number
  /** What the media of an owner may take together, in bytes. `undefined`: no limit. */
  quotaOf(namespace: string, owner: string): number | undefined
  /** Looks into whole bodies, by their type. */
  readonly inspector: Inspector
  /** Has bodies looked at by the scanner, where there is one. */
  readonly scanning: Scanning
  /** Dedupe domain of a namespace. */
  domainOf(namespace: string): string
  emit(event: MediaEvent): void
}
