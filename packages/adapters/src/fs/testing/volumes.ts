import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In memory where the machine offers it: the order of calls is what these tests check, not how long a disk takes. */
const TEMPORARY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A fresh folder for one test. */
export function makeFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(TEMPORARY, 'mediakeep-fs-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** The part of `node:fs` and of memfs that looking at a folder needs. */
export interface Lister {
  readdirSync(path: string): readonly unknown[]
  existsSync(path: string): boolean
}

/** Every file of a volume but its marker: objects, sidecars, temporary and staged files, segments of the journal. Empty after a test that leaves nothing. */
export function filesOf(root: string, fs: Lister = { readdirSync, existsSync }): readonly string[] {
  const files: string[] = []
  if (fs.existsSync(join(root, 'objects'))) {
    for (const shard of fs.readdirSync(join(root, 'objects'))) {
      const names = fs.readdirSync(join(root, 'objects', String(shard)))
      files.push(...names.map((name) => `objects/${String(shard)}/${String(name)}`))
    }
  }
  if (fs.existsSync(join(root, 'staging')))
    files.push(...fs.readdirSync(join(root, 'staging')).map((name) => `staging/${String(name)}`))
  if (fs.existsSync(join(root, 'journal')))
    files.push(...fs.readdirSync(join(root, 'journal')).map((name) => `journal/${String(name)}`))
  for (const name of fs.readdirSync(root)) {
    const known = ['objects', 'staging', 'journal', 'mediakeep-volume.json']
    if (!known.includes(String(name))) files.push(String(name))
  }
  return files
}

/** A volume folder inside a fresh one, made beforehand so that its parent can be watched too. */
export function makeRoot(): { readonly root: string; readonly parent: string; remove(): void } {
  const folder = makeFolder()
  const root = join(folder.path, 'volume')
  mkdirSync(root)
  return { root, parent: folder.path, remove: folder.remove }
}
