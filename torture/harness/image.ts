import { execFile } from 'node:child_process'
import { mkdir, rmdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withMemoryFolder } from './memory-folder.ts'

const run = promisify(execFile)

/** Sparse: only what was written takes room. The inode tables are made now, so that nothing but the writer writes later. */
export async function makeExt4(image: string, sizeBytes: number): Promise<void> {
  await writeFile(image, '')
  await truncate(image, sizeBytes)
  const features = 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'
  // Nothing is set aside for root: who runs this is root, and a full disk must be full.
  const sizes = ['-b', '4096', '-m', '0', '-J', 'size=4', '-N', '4096']
  await run('mkfs.ext4', ['-q', '-F', ...sizes, '-E', features, image])
}

export interface Mounted {
  readonly folder: string
  unmount(): Promise<void>
}

/**
 * @param options of the mount. `commit=300` keeps the kernel from writing by itself: what is on the image was synced,
 * or went along with something that was.
 */
export async function mountImage(image: string, options = 'commit=300'): Promise<Mounted> {
  const folder = `${image}.mounted`
  await mkdir(folder, { recursive: true })
  await run('mount', ['-o', `loop,${options}`, image, folder])
  let unmounting: Promise<void> | undefined
  return {
    folder,
    async unmount() {
      unmounting ??= release(folder)
      await unmounting
    },
  }
}

/** One that is in use goes away later by itself, and is told now: whoever uses it forgot to close. */
export async function release(folder: string): Promise<void> {
  try {
    await run('umount', [folder])
  } catch (error) {
    await run('umount', ['-l', folder])
    throw error
  } finally {
    await rmdir(folder)
  }
}

/** The image as the disk has it now, holes kept. */
export async function copyImage(from: string, to: string): Promise<void> {
  await run('cp', ['--sparse=always', from, to])
}

/** Why no image can be mounted here; `undefined` when one can. */
export async function whyNoImages(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'loop devices and ext4 need Linux'
  if (process.getuid?.() !== 0) return 'mounting an image needs root'
  try {
    await withMemoryFolder('try', async (folder) => {
      await makeExt4(join(folder, 'try'), 16 * 1024 * 1024)
      await (await mountImage(join(folder, 'try'))).unmount()
    })
    return undefined
  } catch (error) {
    return `an ext4 image cannot be made and mounted: ${String(error).split('\n')[0]}`
  }
}
