import { createHash, randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../harness/temporary.mjs'

const MiB = 2 ** 20

/** Sizes with how many different bodies each has: no put of a turn may find its bytes stored already. */
export const SIZES = {
  '1 KiB': { sizeBytes: 1024, count: 3_000 },
  '64 KiB': { sizeBytes: 65_536, count: 1_500 },
  '1 MiB': { sizeBytes: MiB, count: 250 },
  '100 MiB': { sizeBytes: 100 * MiB, count: 4 },
}

/** Files of random bytes, in memory where the machine has a folder for that, so that reading a source costs no disk. */
export function createSources(folder, { sizeBytes, count }) {
  mkdirSync(folder)
  const shared = randomBytes(sizeBytes)
  const sources = []
  for (let index = 0; index < count; index++) {
    // A number in the first bytes would make some body an icon or a font by its magic bytes.
    shared.writeUInt32BE(0xb37e91d4, 0)
    shared.writeUInt32BE(index, 8)
    const path = join(folder, String(index))
    writeFileSync(path, shared)
    sources.push({ path, sizeBytes, digest: `sha256:${createHash('sha256').update(shared).digest('hex')}` })
  }
  return sources
}

/** In memory where there is a folder for that. */
export function sourceFolder() {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return temporaryFolder('sources', '/dev/shm')
  } catch {
    return temporaryFolder('sources')
  }
}
