import { request } from 'node:http'
import type { ScriptRequest } from './tus-script.ts'

/** What a server says to one request, as far as the protocol has a say in it. */
export type Said = Readonly<Record<string, string | undefined>>

const VERBATIM = [
  'tus-resumable',
  'tus-version',
  'upload-offset',
  'upload-length',
  'upload-defer-length',
  'upload-metadata',
  'upload-concat',
]

/** Sends the script to where uploads begin, and answers what was said to each request. */
export async function speak(endpoint: URL, script: readonly ScriptRequest[]): Promise<readonly Said[]> {
  const addresses = new Map<string, string>()
  const resolve = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => addresses.get(name) ?? `${endpoint.pathname}/none`)
  const answers: Said[] = []
  for (const { label, method, path, headers, body, as } of script) {
    const given = Object.entries({ 'tus-resumable': '1.0.0', ...headers }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const at = path.startsWith('/') ? endpoint.pathname + (path === '/' ? '' : path) : resolve(path)
    const { said, location } = await ask(endpoint, {
      method,
      path: at,
      headers: Object.fromEntries(given.map(([name, value]) => [name, toHeader(resolve(value))])),
      body,
    })
    if (as !== undefined && location !== undefined) addresses.set(as, new URL(location, endpoint).pathname)
    if (as !== undefined && location === undefined && label === 'begin') {
      throw new Error(`an upload that everybody takes was answered with ${said['status']}`)
    }
    answers.push({ ...said, ...plain(said, addresses) })
  }
  return answers
}

function ask(
  endpoint: URL,
  {
    method,
    path,
    headers,
    body,
  }: { method: string; path: string; headers: Record<string, string>; body?: string | undefined },
): Promise<{ said: Said; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const length =
      body !== undefined && headers['transfer-encoding'] === undefined
        ? { 'content-length': String(Buffer.byteLength(body)) }
        : {}
    const sent = request(
      {
        host: endpoint.hostname,
        port: endpoint.port,
        path,
        method,
        headers: { ...headers, ...length },
        agent: false,
      },
      (response) => {
        const { headers: told, statusCode } = response
        response.resume().once('end', () => {
          const verbatim = VERBATIM.map((name) => [name, told[name]])
          resolve({
            said: {
              status: String(statusCode),
              ...Object.fromEntries(verbatim),
              location: told.location === undefined ? undefined : 'told',
              'upload-expires': told['upload-expires'] === undefined ? undefined : 'told',
              // Only HEAD must not be kept; what caches do with other methods is theirs.
              ...(method === 'HEAD' && statusCode === 200 ? { 'cache-control': told['cache-control'] } : {}),
            },
            location: told.location,
          })
        })
        response.once('error', reject)
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

/** Addresses differ from server to server: their names do not. */
function plain(said: Said, addresses: ReadonlyMap<string, string>): Said {
  const concat = said['upload-concat']
  if (concat === undefined) return {}
  let text = concat
  for (const [name, address] of addresses) text = text.replaceAll(address, `{${name}}`)
  return { 'upload-concat': text }
}

/** Header values are bytes. */
function toHeader(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
