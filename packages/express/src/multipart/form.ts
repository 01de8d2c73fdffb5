import { isUtf8 } from 'node:buffer'
import { createMultipartParser } from './parser.ts'
import { type PartHead, parsePartHead } from './part-head.ts'
import { refuseForm } from './refuse.ts'

/** Framing limits of a form; they bound what one request may make us hold. */
export interface MultipartLimits {
  /** Header block of a part. Default 16 KiB. */
  readonly maxHeadBytes: number
  /** Header lines of a part. Default 32. */
  readonly maxHeadLines: number
  /** Preamble, padding and epilogue together. Default 64 KiB. */
  readonly maxStrayBytes: number
  /** Parts that are not files. Default 64. */
  readonly maxFields: number
  /** Value of a field. Default 64 KiB. */
  readonly maxFieldBytes: number
  /** Name of a field. Default 100. */
  readonly maxFieldNameBytes: number
}

export const DEFAULT_MULTIPART_LIMITS: MultipartLimits = {
  maxHeadBytes: 16 * 1024,
  maxHeadLines: 32,
  maxStrayBytes: 64 * 1024,
  maxFields: 64,
  maxFieldBytes: 64 * 1024,
  maxFieldNameBytes: 100,
}

/** Chunks in order, `undefined` at the end. */
export interface ChunkSource {
  next(): Promise<Buffer | undefined>
}

export interface FormField {
  readonly name: string
  readonly value: string
}

export interface FormFile {
  readonly filename: string
  readonly contentType: string | undefined
  /**
   * The bytes of the file, once. It ends only when the whole form has been read and found well-formed, so that
   * whoever stores it never commits a file of a broken form, and knows the fields behind it.
   */
  readonly body: AsyncIterable<Uint8Array>
}

export interface Form {
  /** Fields read so far, in order; all of them once the file's body has ended. */
  readonly fields: readonly FormField[]
  /** Reads up to the file. @throws MediaError MEDIA_BAD_INPUT `missing-file` when there is none. */
  file(): Promise<FormFile>
}

export interface ReadFormOptions {
  readonly boundary: string
  /** Name of the one part that is the file. */
  readonly fileField: string
  readonly limits?: Partial<MultipartLimits>
}

/** Reads a form of fields and one file from chunks, as fast as the file is consumed and no faster. */
export function readForm(source: ChunkSource, options: ReadFormOptions): Form {
  const limits = { ...DEFAULT_MULTIPART_LIMITS, ...options.limits }
  const fields: FormField[] = []
  let file: PartHead | undefined
  let current: PartHead | undefined
  let fieldBytes = 0
  let fieldChunks: Buffer[] = []
  // Slices of the file that came with the last chunk and wait to be taken.
  let slices: Buffer[] = []
  let taken = 0

  const parser = createMultipartParser(
    { boundary: options.boundary, maxHeadBytes: limits.maxHeadBytes, maxStrayBytes: limits.maxStrayBytes },
    {
      head(block) {
        const head = parsePartHead(block, limits)
        if (head.filename !== undefined || head.name === options.fileField)
          file = admitFile(head, file, options.fileField)
        else if (fields.length >= limits.maxFields) {
          throw refuseForm('too-many-parts', `a form may have ${limits.maxFields} fields`, 'MEDIA_TOO_LARGE')
        } else checkCharset(head.contentType)
        current = head
        fieldBytes = 0
      },
      data(bytes) {
        if (current === file) {
          slices.push(bytes)
          return
        }
        fieldBytes += bytes.length
        if (fieldBytes > limits.maxFieldBytes) {
          throw refuseForm(
            'field-too-large',
            `a field may have ${limits.maxFieldBytes} bytes`,
            'MEDIA_TOO_LARGE',
          )
        }
        // A view would keep its whole chunk alive for as long as the form lasts.
        fieldChunks.push(Buffer.from(bytes))
      },
      partEnd() {
        if (current !== undefined && current !== file) fields.push(fieldOf(current.name, fieldChunks))
        fieldChunks = []
        current = undefined
      },
    },
  )

  /** Parses one more chunk; false when there was none and the form is whole. */
  const advance = async (): Promise<boolean> => {
    const chunk = await source.next()
    if (chunk === undefined) {
      parser.end()
      return false
    }
    parser.write(chunk)
    return true
  }

  const nextSlice = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    for (;;) {
      const slice = slices[taken]
      if (slice !== undefined) {
        taken++
        return { done: false, value: slice }
      }
      if (taken > 0) {
        slices = []
        taken = 0
      }
      if (!(await advance())) return { done: true, value: undefined }
    }
  }

  return {
    fields,
    async file() {
      while (file === undefined) {
        if (!(await advance())) {
          throw refuseForm('missing-file', `the form has no file in a part named ${options.fileField}`)
        }
      }
      return {
        filename: file.filename ?? options.fileField,
        contentType: file.contentType,
        body: { [Symbol.asyncIterator]: () => ({ next: nextSlice }) },
      }
    },
  }
}

function admitFile(head: PartHead, before: PartHead | undefined, fileField: string): PartHead {
  if (before !== undefined) throw refuseForm('too-many-files', 'a form may have one file')
  if (head.name !== fileField)
    throw refuseForm('unexpected-file', `the file must be in a part named ${fileField}`)
  if (head.filename === undefined || head.filename === '') {
    throw refuseForm('missing-filename', `the part named ${fileField} has no file name`)
  }
  return head
}

function checkCharset(contentType: string | undefined): void {
  const charset =
    contentType === undefined ? undefined : /;[ \t]*charset="?([^";\s]*)/i.exec(contentType)?.[1]
  if (charset !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(charset)) {
    throw refuseForm('unsupported-charset', 'fields of a form must be UTF-8')
  }
}

function fieldOf(name: string, chunks: readonly Buffer[]): FormField {
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  if (!isUtf8(bytes)) throw refuseForm('invalid-field', `the field ${name} is not UTF-8`)
  return { name, value: bytes.toString('utf8') }
}
