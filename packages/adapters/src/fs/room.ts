import type { Volume } from './volume-state.ts'

/** Room of the file system that a volume lies on. */
export interface Room {
  /** What this process may still use. */
  readonly freeBytes: number
  readonly totalBytes: number
}

/** undefined where the file system does not tell. */
export function roomOf({ fs, paths }: Pick<Volume, 'fs' | 'paths'>): Promise<Room | undefined> {
  const { raw } = fs
  if (raw.statfs === undefined) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    raw.statfs?.(paths.staging, (error, value) => {
      if (error) reject(error)
      else if (value === undefined) resolve(undefined)
      else {
        const blockBytes = Number(value.bsize)
        resolve({
          freeBytes: Number(value.bavail) * blockBytes,
          totalBytes: Number(value.blocks) * blockBytes,
        })
      }
    })
  })
}
