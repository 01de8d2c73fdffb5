import { createHash, randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A number in the first bytes would make some body an icon or a font by its magic bytes. */
const NO_KNOWN_TYPE = 0xb37e91d4
const KiB = 1024
const MiB = 1024 * KiB

/**
 * What is served: sizes, how many, and how much of each a request takes. Ranges are loaded for some
 * seconds before every turn: what was checked counts for a minute, and in use no minute passes without requests.
 */
export const LOADS = {
  '10 KiB': { count: 1_000, sizeBytes: 10 * KiB, connections: 32 },
  '4 KiB ranges of 1 GiB': {
    count: 1,
    sizeBytes: 1024 * MiB,
    connections: 32,
    rangeBytes: 4 * KiB,
    warmUpSeconds: 6,
  },
  '1 MiB': { count: 16, sizeBytes: MiB, connections: 16 },
  '100 MiB': { count: 2, sizeBytes: 100 * MiB, connections: 4 },
}

/** Files of random bytes, as a web server would find them. Answers `{ name, path, sizeBytes, sample }`. */
export function createFiles(folder, { count, sizeBytes }) {
  mkdirSync(folder, { recursive: true })
  const part = randomBytes(Math.min(sizeBytes, MiB))
  return Array.from({ length: count }, (_, index) => {
    const name = `${index}.bin`
    const path = join(folder, name)
    const file = openSync(path, 'w')
    const hash = createHash('sha256')
    for (let at = 0; at < sizeBytes; at += part.length) {
      part.writeUInt32BE(NO_KNOWN_TYPE, 0)
      part.writeUInt32BE(index, 8)
      part.writeUInt32BE(at / part.length, 4)
      writeSync(file, part)
      hash.update(part)
    }
    closeSync(file)
    return { name, path, sizeBytes, sha256: hash.digest('hex') }
  })
}

export function writeList(file, lines) {
  writeFileSync(file, `${lines.join('\n')}\n`)
}
