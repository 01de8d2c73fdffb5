import type { ObjectFile, ObjectStore } from '../contracts/object-store.ts'

/** Large enough that a read costs little more than its bytes. Two of them, so that one fills while the other is used. */
const STEP_BYTES = 1_048_576

/**
 * Reads an object from its first byte to its last. `use` has the bytes until it resolves.
 * An object of another size than `sizeBytes` is not read.
 * @returns its size; `undefined` when it is absent.
 */
export async function readThrough(
  store: ObjectStore,
  key: string,
  use: (bytes: Uint8Array) => Promise<void>,
  { sizeBytes, signal }: { readonly sizeBytes: number; readonly signal?: AbortSignal },
): Promise<number | undefined> {
  const call = signal === undefined ? {} : { signal }
  if (store.openFile !== undefined) {
    const file = await store.openFile(key, call)
    if (file === undefined) return undefined
    try {
      return file.sizeBytes === sizeBytes ? await readFileThrough(file, use, signal) : file.sizeBytes
    } finally {
      await file.close()
    }
  }
  const reader = await store.get(key, { ...call, context: { cause: 'verify' } })
  if (reader === undefined) return undefined
  try {
    if (reader.head.sizeBytes !== sizeBytes) return reader.head.sizeBytes
    let readBytes = 0
    for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) {
      readBytes += chunk.byteLength
      await use(chunk)
    }
    return readBytes
  } finally {
    await reader[Symbol.asyncDispose]()
  }
}

/** @returns how many bytes there were: fewer than the file's size when it was cut under us. */
async function readFileThrough(
  file: ObjectFile,
  use: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { sizeBytes } = file
  const first = Buffer.allocUnsafeSlow(Math.min(STEP_BYTES, sizeBytes))
  const second = sizeBytes > STEP_BYTES ? Buffer.allocUnsafeSlow(STEP_BYTES) : first
  const readAt = (buffer: Buffer, position: number): Promise<Uint8Array> => {
    const target = buffer.subarray(0, Math.min(STEP_BYTES, sizeBytes - position))
    const reading = file.read(target, position).then((count) => target.subarray(0, count))
    reading.catch(() => {}) // seen when its turn comes, or by nobody when an earlier one failed
    return reading
  }
  let position = 0
  let buffers: readonly [Buffer, Buffer] = [first, second]
  let reading = sizeBytes === 0 ? undefined : readAt(first, 0)
  while (reading !== undefined) {
    signal?.throwIfAborted()
    const bytes = await reading
    position += bytes.byteLength
    const isLast = position >= sizeBytes || bytes.byteLength === 0
    reading = isLast ? undefined : readAt(buffers[1], position)
    buffers = [buffers[1], buffers[0]]
    await use(bytes)
  }
  return position
}
