import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set()
let base = tmpdir()

/** Where folders are made from now on: the disk that is measured. */
export function useBaseFolder(path) {
  mkdirSync(path, { recursive: true })
  base = path
}

export const baseFolder = () => base

/** A new folder, removed at the end whatever happens. */
export function temporaryFolder(name, parent = base) {
  const path = mkdtempSync(join(parent, `mediakeep-bench-${name}-`))
  folders.add(path)
  return path
}

export function removeFolder(path) {
  rmSync(path, { recursive: true, force: true })
  folders.delete(path)
}

export function removeAll() {
  for (const path of folders) removeFolder(path)
}
