import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'

const entry = join(import.meta.dirname, '../../packages/client/src/index.ts')

const svg = (color: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="160" height="90"><rect width="160" height="90" fill="${color}"/></svg>`

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>client</title><link rel="icon" href="data:,">
<style>img,video{width:160px;height:90px;object-fit:cover}[data-media-state=loading]{opacity:.5}
[data-media-state=missing],[data-media-state=failed]{outline:2px solid crimson}</style><main></main>
<script type="module">import * as client from '/client.js'; globalThis.client = client</script></html>`

/** A media and how it answers. */
export interface ServedMedia {
  /** This many answers are 503 first. */
  notReady?: number
  /** Of those; seconds. */
  retryAfter?: number
  /** This many GETs are 503 while HEAD says ready. */
  notReadyToGet?: number
  /** What is sent in place of a picture. */
  file?: { readonly path: string; readonly contentType: string }
  body?: string
}

export interface SeenRequest {
  readonly method: string
  readonly name: string
  readonly status: number
  readonly range: string | undefined
  readonly atMs: number
}

/** A page with the client in it, and media that load slowly. */
export interface MediaServer {
  readonly url: string
  readonly media: Map<string, ServedMedia>
  readonly seen: SeenRequest[]
  /** Most HEAD requests that were under way at once. */
  mostHeads(): number
  requests(name: string, method: 'GET' | 'HEAD'): readonly SeenRequest[]
  close(): Promise<void>
}

export async function startMediaServer(): Promise<MediaServer> {
  const bundled = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  })
  const client = bundled.outputFiles[0]?.text ?? ''
  const media = new Map<string, ServedMedia>()
  const seen: SeenRequest[] = []
  let heads = 0
  let mostHeads = 0

  async function serveMedia(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    const { method = 'GET', headers } = request
    const { range } = headers
    const one = media.get(name)
    const answer = (status: number, fields: Record<string, string>, body?: string | Uint8Array): void => {
      seen.push({ method, name, status, range, atMs: performance.now() })
      response.writeHead(status, { 'cache-control': 'no-store', ...fields })
      response.end(method === 'HEAD' ? undefined : body)
    }
    if (method === 'HEAD') {
      heads += 1
      mostHeads = Math.max(mostHeads, heads)
      await new Promise((resolve) => setTimeout(resolve, 5)) // Long enough for several to be under way.
      heads -= 1
    }
    if (one === undefined) return answer(404, {}, 'no such media')
    const { notReady = 0, notReadyToGet = 0, retryAfter = 1 } = one
    const loading = { 'retry-after': String(retryAfter) }
    if (notReady > 0) {
      one.notReady = notReady - 1
      return answer(503, loading, 'loading')
    }
    if (method === 'GET' && notReadyToGet > 0) {
      one.notReadyToGet = notReadyToGet - 1
      return answer(503, loading, 'loading')
    }
    const type = { 'content-type': one.file?.contentType ?? 'image/svg+xml', 'accept-ranges': 'bytes' }
    const whole =
      one.file === undefined ? Buffer.from(one.body ?? svg('seagreen')) : await readFile(one.file.path)
    const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
    if (asked === null) return answer(200, { ...type, 'content-length': String(whole.length) }, whole)
    const first = Number(asked[1])
    const last = asked[2] === '' ? whole.length - 1 : Math.min(Number(asked[2]), whole.length - 1)
    const field = `bytes ${first}-${last}/${whole.length}`
    const part = whole.subarray(first, last + 1)
    return answer(206, { ...type, 'content-range': field, 'content-length': String(part.length) }, part)
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://server')
    const send = (contentType: string, body: string): void => {
      response.writeHead(200, { 'content-type': contentType }).end(body)
    }
    if (pathname.startsWith('/media/')) void serveMedia(request, response, pathname.slice('/media/'.length))
    else if (pathname === '/client.js') send('text/javascript', client)
    else if (pathname === '/placeholder.svg') send('image/svg+xml', svg('lightgray'))
    else send('text/html', PAGE)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    media,
    seen,
    mostHeads: () => mostHeads,
    requests: (name, method) => seen.filter((one) => one.name === name && one.method === method),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
