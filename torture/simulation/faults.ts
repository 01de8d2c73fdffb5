import type { Random } from '@mediakeep/testkit'
import type { DiskCall } from '../fault-fs/process.ts'

/** A trouble of a disk, and the calls that can have it. */
export const TROUBLES = {
  EIO: /./,
  ENOSPC: /^(open|write|writev|mkdir|rename|link|copyFile|fsync|fdatasync)$/,
  EDQUOT: /^(open|write|writev|mkdir|rename|link|copyFile)$/,
  EMFILE: /^(open|openSync)$/,
  EACCES: /^(open|openSync|rename|unlink|link|mkdir|readdir)$/,
  EROFS: /^(open|write|writev|rename|unlink|link|mkdir|futimes|fchmod)$/,
  short: /^(write|writev)$/,
} as const satisfies Record<string, RegExp>

export type Trouble = keyof typeof TROUBLES

/** Fails calls of one disk while it is in trouble. */
export interface DiskFaults {
  trouble: { readonly kind: Trouble; readonly ratio: number } | undefined
  next(call: DiskCall): Trouble | undefined
}

export function createFaults(random: Random): DiskFaults {
  return {
    trouble: undefined,
    next({ name }) {
      const { trouble } = this
      if (trouble === undefined || !TROUBLES[trouble.kind].test(name)) return undefined
      return random.next() < trouble.ratio ? trouble.kind : undefined
    },
  }
}
