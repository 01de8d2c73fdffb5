import { pagesOf } from '../pages.ts'
import type { Volume } from '../tiering/volume.ts'

/** An object that a volume has, and what the journals made of it. */
export interface FoundObject {
  readonly sizeBytes: number
  readonly modifiedAtMs: number
  /** A line names it, of whatever revision. */
  isNamed: boolean
  /** Dedupe domain of the blob it is a copy of, where a record took it. */
  domain: string | undefined
}

/** What the volumes that are here have, by volume and key: all in memory. */
export type FoundObjects = ReadonlyMap<string, Map<string, FoundObject>>

export async function listObjects(volumes: readonly Volume[], check: () => void): Promise<FoundObjects> {
  const found = new Map<string, Map<string, FoundObject>>()
  for (const volume of volumes) {
    const objects = new Map<string, FoundObject>()
    const pages = pagesOf((from) => {
      check()
      return volume.store.list(from)
    })
    for await (const page of pages)
      for (const { key, sizeBytes, modifiedAt } of page.objects)
        objects.set(key, { sizeBytes, modifiedAtMs: modifiedAt.getTime(), isNamed: false, domain: undefined })
    found.set(volume.id, objects)
  }
  return found
}
