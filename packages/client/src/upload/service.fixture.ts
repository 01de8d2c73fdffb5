import type { UploadStorage } from './memory.ts'

/** Uploads of a service as its clients see them, in memory: one at a time is enough. */
export interface TestService {
  readonly fetch: typeof globalThis.fetch
  /** `METHOD path`, in order. */
  readonly asked: string[]
  /** Of each request, in the same order. */
  readonly headers: Headers[]
  readonly chunks: Map<number, string>
  /** Requests under way, and how many there were at most. */
  readonly load: { now: number; most: number }
  /** Bytes of the whole, in order. */
  whole(): string
  state: 'none' | 'receiving' | 'active' | 'aborted'
  wanted: Record<string, unknown>
}

/** What comes in place of the answer: a status, an error of the network, or nothing special. */
export type Fault = (request: string, index: number) => Response | Error | undefined

export const BASE = 'https://media.test'
export const CHUNK_BYTES = 4

export function problem(status: number, reason = 'a-reason', headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ status, code: 'MEDIA_X', reason, detail: 'no' }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
}

export function testService(fault: Fault = () => undefined): TestService {
  const json = (status: number, value: object): Response =>
    new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } })
  const chunkCount = (): number => Math.ceil(Number(service.wanted['sizeBytes']) / CHUNK_BYTES)
  const progress = (): object => {
    const missing = Array.from({ length: chunkCount() }, (_, at) => at).filter(
      (at) => !service.chunks.has(at),
    )
    return {
      state: service.state,
      chunkBytes: CHUNK_BYTES,
      receivedChunks: [],
      ...(missing.length === 0 ? {} : { missing: missing.map((at) => [at, at]) }),
    }
  }

  const answer = async (method: string, path: string, body: RequestInit['body']): Promise<Response> => {
    const chunk = /^\/media\/uploads\/u\/chunks\/(\d+)$/.exec(path)?.[1]
    if (method === 'POST' && path === '/media/uploads') {
      service.wanted = JSON.parse(typeof body === 'string' ? body : '{}') as Record<string, unknown>
      service.state = 'receiving'
      service.chunks.clear()
      const isChunked = service.wanted['mode'] === 'chunked'
      return json(201, {
        uploadId: 'u',
        mediaId: 'm',
        url: isChunked ? '/media/uploads/u' : '/media/uploads/u?sig=s',
        headers: isChunked ? {} : { 'Content-Type': 'image/png' },
        ...(isChunked ? { chunkBytes: CHUNK_BYTES } : {}),
      })
    }
    if (path === '/media/m') return json(200, { id: 'm', state: 'active' })
    if (service.state === 'none') return problem(404, 'absent')
    if (service.state === 'active' && method === 'PUT') return problem(409, 'upload-completed')
    if (service.state === 'aborted' && method !== 'GET') return problem(409, 'upload-ended')
    if (chunk !== undefined) {
      service.chunks.set(Number(chunk), await new Response(body).text())
      return json(200, progress())
    }
    switch (method) {
      case 'PUT':
        service.chunks.set(0, await new Response(body).text())
        service.state = 'active'
        return json(201, { id: 'm' })
      case 'POST':
        if (service.chunks.size < chunkCount()) return problem(409, 'upload-incomplete')
        service.state = 'active'
        return json(201, { id: 'm', state: 'active' })
      case 'DELETE':
        service.state = 'aborted'
        return new Response(null, { status: 204 })
      default:
        return json(200, progress())
    }
  }

  const service: TestService = {
    asked: [],
    headers: [],
    chunks: new Map(),
    load: { now: 0, most: 0 },
    state: 'none',
    wanted: {},
    whole: () =>
      [...service.chunks]
        .sort(([a], [b]) => a - b)
        .map(([, text]) => text)
        .join(''),
    async fetch(input, init = {}) {
      init.signal?.throwIfAborted()
      const { pathname, search } = new URL(input instanceof Request ? input.url : input)
      const request = `${init.method ?? 'GET'} ${pathname}${search}`
      const index = service.asked.push(request) - 1
      service.headers.push(new Headers(init.headers))
      service.load.now += 1
      service.load.most = Math.max(service.load.most, service.load.now)
      try {
        await Promise.resolve() // others begin meanwhile
        const instead = fault(request, index)
        if (instead instanceof Error) throw instead
        const given = instead ?? (await answer(init.method ?? 'GET', pathname, init.body))
        init.signal?.throwIfAborted()
        return given
      } finally {
        service.load.now -= 1
      }
    },
  }
  return service
}

export function testStorage(): UploadStorage & { readonly entries: Map<string, string> } {
  const entries = new Map<string, string>()
  return {
    entries,
    getItem: (name) => entries.get(name) ?? null,
    setItem: (name, value) => void entries.set(name, value),
    removeItem: (name) => void entries.delete(name),
  }
}
