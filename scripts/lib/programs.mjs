import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where programs are looked for. */
export function pathFolders() {
  return (process.env.PATH ?? '').split(delimiter)
}

/** The program in the first of the folders that has one to run; undefined when none has. */
export function findProgram(name, folders = pathFolders()) {
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
