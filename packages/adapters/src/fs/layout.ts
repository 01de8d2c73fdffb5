import { join, resolve } from 'node:path'
import { VOLUME_MARKER } from '@mediakeep/core'
import { type Place, SHARDS } from './names.ts'

/** Layout of the folder that this version writes; a newer one is refused. */
export const LAYOUT = 1

/** Every path of a volume, made once from its root. */
export interface Paths {
  readonly root: string
  readonly marker: string
  readonly objects: string
  readonly staging: string
  readonly journal: string
  shard(shard: string): string
  object(place: Place): string
}

export function pathsOf(root: string): Paths {
  const absolute = resolve(root)
  const objects = join(absolute, 'objects')
  const shards = new Map(SHARDS.map((shard) => [shard, join(objects, shard)]))
  const shardOf = (shard: string): string => shards.get(shard) ?? join(objects, shard)
  return {
    root: absolute,
    marker: join(absolute, VOLUME_MARKER),
    objects,
    staging: join(absolute, 'staging'),
    journal: join(absolute, 'journal'),
    shard: shardOf,
    object: (place) => `${shardOf(place.shard)}/${place.fileName}`,
  }
}
