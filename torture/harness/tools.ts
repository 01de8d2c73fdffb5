import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Whether a program can be run here. */
export async function hasTool(command: string): Promise<boolean> {
  try {
    await promisify(execFile)(command, ['--version'])
    return true
  } catch {
    return false
  }
}
