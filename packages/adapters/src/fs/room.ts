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
    raw.statfs?.(
      paths.staging,
      (error, { bsize, bavail, blocks } = { type: 0, bsize: 0, blocks: 0, bavail: 0 }) => {
        if (error) reject(error)
        else resolve({ freeBytes: bavail * bsize, totalBytes: blocks * bsize })
      },
    )
  })
}
