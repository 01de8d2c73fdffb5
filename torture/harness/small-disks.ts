import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Mounted, makeExt4, mountImage, release } from './image.ts'

const MiB = 1024 * 1024

/** A file system that is soon full. */
export interface SmallDisk {
  readonly name: string
  mount(folder: string): Promise<Mounted>
}

export const SMALL_DISKS: readonly SmallDisk[] = [
  {
    name: 'tmpfs of 2 MiB',
    async mount(parent) {
      const folder = join(parent, 'tmpfs')
      await mkdir(folder)
      await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', `size=${2 * MiB}`, 'tmpfs', folder])
      return { folder, unmount: () => release(folder) }
    },
  },
  {
    name: 'ext4 of 16 MiB',
    async mount(parent) {
      const image = join(parent, 'ext4.img')
      await makeExt4(image, 16 * MiB)
      return mountImage(image)
    },
  },
]
