import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder while `act` runs: in memory where that is to be had, for what need not outlive the system. */
export async function withMemoryFolder<T>(name: string, act: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `mediakeep-torture-${name}-`),
  )
  try {
    return await act(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
