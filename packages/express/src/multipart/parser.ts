import { refuseForm } from './refuse.ts'

/** Told synchronously while a chunk is parsed. What it throws leaves `write`. */
export interface MultipartSink {
  /** The header lines of a part, without the empty line that ends them. The bytes may be reused afterwards. */
  head(block: Buffer): void
  /** Bytes of the part, a view of the chunk given to `write`. */
  data(bytes: Buffer): void
  partEnd(): void
}

export interface MultipartParserOptions {
  readonly boundary: string
  /** Longest header block of a part. */
  readonly maxHeadBytes: number
  /** Most bytes around the parts: preamble, padding and epilogue together. */
  readonly maxStrayBytes: number
}

export interface MultipartParser {
  write(chunk: Buffer): void
  /** No more chunks. @throws MediaError MEDIA_BAD_INPUT `incomplete-body` when the closing delimiter has not come. */
  end(): void
}

const CR = 13
const LF = 10
const DASH = 45
const HEAD_END = Buffer.from('\r\n\r\n')

type State = 'preamble' | 'delimiter' | 'head' | 'body' | 'epilogue'

/**
 * A push parser of multipart bodies that copies nothing of the parts and holds back nothing but a possible
 * beginning of the delimiter, which it need not keep: those bytes are the delimiter's own.
 *
 * It is strict where two readers could disagree: lines end in CRLF, and the delimiter followed by anything
 * but padding, CRLF or `--` is an error, not content.
 * @see RFC 2046 section 5.1.1
 */
export function createMultipartParser(options: MultipartParserOptions, sink: MultipartSink): MultipartParser {
  const delimiter = Buffer.from(`\r\n--${options.boundary}`, 'latin1')
  const { maxHeadBytes, maxStrayBytes } = options
  let state: State = 'preamble'
  // Bytes of the delimiter matched at the end of the last chunk. The first delimiter needs no line end before it.
  let matched = 2
  let strayBytes = 0
  // What stood last between the delimiter and its line end.
  let afterDelimiter = 0
  let headBytes = 0
  let heldHead: Buffer | undefined

  const stray = (bytes: number): void => {
    strayBytes += bytes
    if (strayBytes > maxStrayBytes) throw refuseForm('malformed-multipart', 'too many bytes around the parts')
  }

  const emit = (bytes: Buffer): void => {
    if (state === 'body') sink.data(bytes)
    else stray(bytes.length)
  }

  const found = (): void => {
    if (state === 'body') sink.partEnd()
    matched = 0
    afterDelimiter = 0
    state = 'delimiter'
  }

  const scan = (chunk: Buffer, from: number): number => {
    const end = chunk.length
    let at = from
    if (matched > 0) {
      while (matched < delimiter.length && at < end && chunk[at] === delimiter[matched]) {
        matched++
        at++
      }
      if (matched === delimiter.length) {
        found()
        return at
      }
      if (at === end) return at
      // Not the delimiter after all. CR is only its first byte, so that no other match can begin inside.
      emit(delimiter.subarray(0, matched))
      matched = 0
    }
    const hit = chunk.indexOf(delimiter, at)
    if (hit !== -1) {
      if (hit > at) emit(chunk.subarray(at, hit))
      found()
      return hit + delimiter.length
    }
    const keptFrom = partialFrom(chunk, at)
    if (keptFrom > at) emit(chunk.subarray(at, keptFrom))
    matched = end - keptFrom
    return end
  }

  /** Where a delimiter begins that the end of the chunk cuts; the end when there is none. */
  const partialFrom = (chunk: Buffer, from: number): number => {
    const end = chunk.length
    const lowest = Math.max(from, end - delimiter.length + 1)
    for (let start = end - 1; start >= lowest; start--) {
      if (chunk[start] !== CR) continue
      let length = 1
      while (start + length < end && chunk[start + length] === delimiter[length]) length++
      return start + length === end ? start : end
    }
    return end
  }

  const endDelimiter = (chunk: Buffer, at: number): number => {
    const byte = chunk[at]
    if (afterDelimiter === DASH && byte === DASH) state = 'epilogue'
    else if (afterDelimiter === CR && byte === LF) state = 'head'
    else if (afterDelimiter === 0 && byte === DASH) afterDelimiter = DASH
    else if (afterDelimiter !== DASH && afterDelimiter !== CR && byte === CR) afterDelimiter = CR
    else if ((afterDelimiter === 0 || afterDelimiter === 32) && (byte === 32 || byte === 9)) {
      afterDelimiter = 32
      stray(1)
    } else throw refuseForm('malformed-multipart', 'a delimiter is not followed by CRLF or --')
    return at + 1
  }

  const giveHead = (block: Buffer): void => {
    headBytes = 0
    matched = 0
    state = 'body'
    sink.head(block)
  }

  const readHead = (chunk: Buffer, from: number): number => {
    if (headBytes === 0) {
      const end = emptyHead(chunk, from) ? from : chunk.indexOf(HEAD_END, from)
      if (end !== -1) {
        if (end - from > maxHeadBytes) throw headTooLarge()
        giveHead(chunk.subarray(from, end))
        return end === from ? from + 2 : end + HEAD_END.length
      }
    }
    heldHead ??= Buffer.allocUnsafe(maxHeadBytes + HEAD_END.length)
    const before = headBytes
    const taken = chunk.copy(heldHead, before, from)
    headBytes += taken
    const held = heldHead.subarray(0, headBytes)
    if (emptyHead(held, 0)) {
      giveHead(held.subarray(0, 0))
      return from + 2 - before
    }
    const end = held.indexOf(HEAD_END, Math.max(0, before - 3))
    if (end === -1) {
      if (headBytes === heldHead.length) throw headTooLarge()
      return from + taken
    }
    giveHead(held.subarray(0, end))
    return from + end + HEAD_END.length - before
  }

  return {
    write(chunk) {
      const end = chunk.length
      let at = 0
      while (at < end) {
        switch (state) {
          case 'body':
          case 'preamble':
            at = scan(chunk, at)
            break
          case 'delimiter':
            at = endDelimiter(chunk, at)
            break
          case 'head':
            at = readHead(chunk, at)
            break
          case 'epilogue':
            stray(end - at)
            return
        }
      }
    },
    end() {
      if (state !== 'epilogue') {
        throw refuseForm('incomplete-body', 'the form ends before its closing delimiter')
      }
    },
  }
}

function emptyHead(bytes: Buffer, at: number): boolean {
  return bytes[at] === CR && bytes[at + 1] === LF
}

function headTooLarge(): Error {
  return refuseForm('malformed-multipart', 'the header of a part is too large')
}
