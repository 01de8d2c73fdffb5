import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

const ENDING = '.csv.gz'

/** Names of the traces of a folder; undefined where there is no such folder. */
export function traceNames(folder) {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith(ENDING))
      .map((file) => file.slice(0, -ENDING.length))
      .sort()
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  }
}

/** Reads `time,id,size` lines. An id has one size in a replay: the largest that was seen of it. */
export function readTrace(folder, name) {
  const text = gunzipSync(readFileSync(join(folder, name + ENDING))).toString('latin1')
  const numbers = new Map()
  const ids = []
  const sizes = []
  let isHead = true
  for (const line of text.split('\n')) {
    const [, id, size] = line.split(',')
    if (isHead || id === undefined) {
      isHead = false
      continue
    }
    let number = numbers.get(id)
    if (number === undefined) {
      number = numbers.size
      numbers.set(id, number)
      sizes.push(0)
    }
    const bytes = Number(size)
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Error(`${name}: bad size in line "${line}"`)
    ids.push(number)
    sizes[number] = Math.max(sizes[number], bytes)
  }
  return makeTrace(name, ids, sizes)
}

/** `ids[i]` is the object of request i, `sizes[id]` what it weighs. */
export function makeTrace(name, ids, sizes) {
  let requestedBytes = 0
  for (const id of ids) requestedBytes += sizes[id]
  return {
    name,
    ids: Int32Array.from(ids),
    sizes: Float64Array.from(sizes),
    footprintBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    requestedBytes,
  }
}
