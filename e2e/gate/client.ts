import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number
  /** Names in lower case; several of one name joined by a line break. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** All bytes, for HTTP/1.1. */
  readonly raw: string
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: readonly string[]
  readonly host?: string
}

/** One request over HTTP/1.1, written as given: no client in between that makes it better. */
export function askHttp1(
  port: number,
  target: string,
  { method = 'GET', headers = [], host = 'cdn.example' }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString('latin1'))))
    const lines = [`${method} ${target} HTTP/1.1`, `host: ${host}`, 'connection: close', ...headers, '', '']
    socket.write(Buffer.from(lines.join('\r\n'), 'latin1'))
  })
}

function parse(raw: string): Answer {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}\n${value}`
  }
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n'), raw }
}

/** One request over HTTP/2 without TLS. */
export function askHttp2(
  port: number,
  path: string,
  { method = 'GET', headers = [] }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', reject)
    const sent = Object.fromEntries(headers.map((line) => line.split(': ', 2)))
    const stream = session.request({ ':method': method, ':path': path, ...sent })
    let head: Record<string, unknown> = {}
    const chunks: Buffer[] = []
    stream.on('response', (given) => {
      head = given
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      session.close()
      const { ':status': status, ...rest } = head
      const texts = Object.entries(rest).map(([name, value]) => [name, String(value)])
      resolve({
        status: Number(status),
        headers: Object.fromEntries(texts),
        body: Buffer.concat(chunks).toString(),
        raw: '',
      })
    })
    stream.end()
  })
}
