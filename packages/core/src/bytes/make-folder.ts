import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and the missing ones above it; one that exists stays as it is. In place of Node's own `recursive`, which never ends,
 * and cannot be stopped, below a file system that reports every new name as absent (`/proc`).
 * @param options `mode` of each folder that is made; default: all rights, less the umask.
 * @throws the error of the file system
 */
export async function makeFolder(path: string, options: { readonly mode?: number } = {}): Promise<void> {
  try {
    await mkdir(path, options)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const parent = dirname(path)
    if (code === 'ENOENT' && parent !== path && !(await isFolder(parent))) {
      await makeFolder(parent, options)
      await mkdir(path, options).catch(async (late: unknown) => {
        if (!(await isFolder(path))) throw late // else another process made it in the meantime
      })
    } else if (!(await isFolder(path))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
