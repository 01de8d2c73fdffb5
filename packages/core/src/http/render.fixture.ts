import { digestOf } from '../bytes/digest.ts'
import { etagOfDigest } from './etag.ts'
import { type HeaderList, headerIn, type RequestHeaders } from './headers.ts'
import { problemAnswer } from './problem.ts'
import { planRead, type ReadEntity, type ReadPlan, type ReadPlanOptions } from './read-plan.ts'

export const NOW_MS: number = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
export const MODIFIED_AT: Date = new Date(Date.UTC(2025, 5, 15, 12, 0, 0, 250))
export const MODIFIED = 'Sun, 15 Jun 2025 12:00:00 GMT'
export const EARLIER = 'Sun, 15 Jun 2025 11:59:59 GMT'
export const LATER = 'Sun, 15 Jun 2025 12:00:01 GMT'

/** An answer as a client sees it. */
export interface Answer {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Buffer
  header(name: string): string | undefined
}

export function entityFor(content: Buffer, over: Partial<ReadEntity> = {}): ReadEntity {
  return {
    etag: etagOfDigest(digestOf(content)),
    modifiedAt: MODIFIED_AT,
    sizeBytes: content.length,
    contentType: 'image/png',
    filename: 'a.png',
    visibility: 'public',
    ...over,
  }
}

/** Plans, then writes the plan as a transport would. */
export function answer(
  content: Buffer,
  headers: RequestHeaders = {},
  over: { method?: string; entity?: Partial<ReadEntity>; options?: Partial<ReadPlanOptions> } = {},
): Answer {
  const plan = planRead({ method: over.method ?? 'GET', headers }, entityFor(content, over.entity), {
    nowMs: NOW_MS,
    ...over.options,
  })
  return write(plan, content)
}

function write(plan: ReadPlan, content: Buffer): Answer {
  const { body } = plan
  if (body.kind === 'problem') {
    const problem = problemAnswer(body.error, { headers: plan.headers })
    return { ...problem, body: Buffer.from(problem.body), header: (name) => headerIn(problem.headers, name) }
  }
  const answered = {
    status: plan.status,
    headers: plan.headers,
    header: (name: string) => headerIn(plan.headers, name),
  }
  switch (body.kind) {
    case 'none':
      return { ...answered, body: Buffer.alloc(0) }
    case 'whole':
    case 'range':
      return { ...answered, body: content.subarray(body.range.start, body.range.endExclusive) }
    case 'multipart': {
      const pieces = body.parts.flatMap(({ head, range }) => [
        Buffer.from(head),
        content.subarray(range.start, range.endExclusive),
      ])
      return { ...answered, body: Buffer.concat([...pieces, Buffer.from(body.closing)]) }
    }
  }
}

/** The parts of a multipart/byteranges answer, read the way a client reads them. */
export function partsOf(
  received: Answer,
): { start: number; last: number; total: number; type: string; bytes: Buffer }[] {
  const boundary = /^multipart\/byteranges; boundary=([A-Za-z0-9_-]{1,70})$/.exec(
    received.header('Content-Type') ?? '',
  )?.[1]
  if (boundary === undefined) throw new Error('no boundary')
  const text = `\r\n${received.body.toString('latin1')}`
  if (!text.endsWith(`\r\n--${boundary}--\r\n`)) throw new Error('no closing boundary')
  const inner = text.slice(0, -(boundary.length + 8))
  return inner
    .split(`\r\n--${boundary}\r\n`)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\r\n\r\n')
      const head = part.slice(0, end)
      const [, start, last, total] =
        /^Content-Range: bytes (\d+)-(\d+)\/(\d+)$/m.exec(head.replaceAll('\r', '')) ?? []
      const type = /^Content-Type: (.*)$/m.exec(head.replaceAll('\r', ''))?.[1] ?? ''
      return {
        start: Number(start),
        last: Number(last),
        total: Number(total),
        type,
        bytes: Buffer.from(part.slice(end + 4), 'latin1'),
      }
    })
}
