import type { ObjectHead } from '@mediakeep/core'
import type { FileStat } from './calls.ts'
import type { Place } from './names.ts'
import { generationOf, hasSidecar, readSidecar, type Sidecar } from './sidecar.ts'
import type { Volume } from './volume-state.ts'

/** Another inode for every put, and a time that no other put of the key has had: also where an inode number comes again. */
export function etagOf(stat: FileStat): string {
  return `${stat.ino.toString(36)}-${stat.size.toString(36)}-${generationOf(stat).toString(36)}`
}

export function headOf(key: string, stat: FileStat, sidecar: Sidecar | undefined): ObjectHead {
  return {
    key,
    sizeBytes: stat.size,
    etag: etagOf(stat),
    modifiedAt: new Date(stat.mtimeMs),
    ...(sidecar?.contentType === undefined ? {} : { contentType: sidecar.contentType }),
    ...(sidecar?.metadata === undefined ? {} : { metadata: sidecar.metadata }),
  }
}

/** The head of the object whose file has `stat`; `changed` when the key holds other bytes by now. */
export async function readHead(
  { fs, paths }: Volume,
  place: Place,
  stat: FileStat,
): Promise<ObjectHead | 'changed'> {
  if (!hasSidecar(stat)) return headOf(place.key, stat, undefined)
  const sidecar = await readSidecar(fs, paths, place, stat)
  return sidecar === 'changed' ? 'changed' : headOf(place.key, stat, sidecar)
}
