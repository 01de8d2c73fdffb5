import { fsStore } from '@mediakeep/adapters/fs'
import { createDisk, type Disk } from '../fault-fs/disk.ts'
import { atOnce, createProcess } from '../fault-fs/process.ts'
import { leastRemains } from '../fault-fs/remains.ts'

export const ROOT = '/volume'

/** What is on a disk on which a volume was made, so that not every run needs to make one. */
export interface Image {
  /** Puts the volume on an empty disk, with an id of its own, all of it durable. */
  apply(disk: Disk, id: string): void
}

/** Made by the store itself, once: what it keeps on a disk is its own affair. */
export async function takeImage(): Promise<Image> {
  const disk = createDisk({ now: () => 0, order: 'weak' })
  const { fs } = createProcess(disk, atOnce)
  const store = fsStore({ root: ROOT, fs })
  await store.open()
  const { id } = await store.identity()
  await store.close()
  disk.cutPower(leastRemains)
  const directories: string[] = []
  const files: { readonly path: string; readonly text: string }[] = []
  const visit = (path: string): void => {
    for (const [name, node] of disk.directory(path)?.entries ?? []) {
      const child = `${path === '/' ? '' : path}/${name}`
      if (node.kind === 'file') files.push({ path: child, text: Buffer.from(node.bytes).toString() })
      else {
        directories.push(child)
        visit(child)
      }
    }
  }
  visit('/')
  return {
    apply(target, newId) {
      for (const path of directories) target.makeDirectory(path, 0o750)
      for (const { path, text } of files) {
        const file = target.create(path, 0o640)
        target.write(file, { position: 0, bytes: Buffer.from(text.replaceAll(id, newId)) })
        target.syncFile(file)
      }
      for (const path of ['/', ...directories]) {
        const directory = target.directory(path)
        if (directory !== undefined) target.syncDirectory(directory)
      }
    },
  }
}
