import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, only where they are missing. Node's own `recursive` never ends, and cannot be stopped, below a
 * file system that says of everything new that it is not there (`/proc`).
 * @throws what the system says
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
        if (!(await isFolder(path))) throw late // else somebody else made it meanwhile
      })
    } else if (!(await isFolder(path))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
