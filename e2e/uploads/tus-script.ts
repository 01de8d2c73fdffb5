import { createHash } from 'node:crypto'

/** One request of the script; `{name}` in its path or headers is the address of an upload that an earlier one began. */
export interface ScriptRequest {
  readonly label: string
  readonly method: string
  /** `/` is where uploads begin. */
  readonly path: string
  /** Besides Tus-Resumable: 1.0.0; `undefined` leaves a header out. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: string
  /** Keeps the address that the answer gives under this name. */
  readonly as?: string
}

type Headers = ScriptRequest['headers']

const OFFSET_STREAM = { 'content-type': 'application/offset+octet-stream' }
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const sha1 = (text: string): string => `sha1 ${createHash('sha1').update(text).digest('base64')}`

/** The same requests for every server, in this order. */
export function tusScript(): readonly ScriptRequest[] {
  const requests: ScriptRequest[] = []
  let uploads = 0
  const send = (label: string, method: string, path: string, headers: Headers = {}, body?: string): void => {
    requests.push({ label, method, path, headers, ...(body === undefined ? {} : { body }) })
  }
  /** A creation that every server takes. */
  const begin = (headers: Headers = { 'upload-length': '10' }, label = 'begin'): string => {
    const as = `upload${++uploads}`
    requests.push({ label, method: 'POST', path: '/', headers, as })
    return `{${as}}`
  }
  const patch = (
    label: string,
    path: string,
    offset: string | undefined,
    body: string,
    headers: Headers = {},
  ): void => send(label, 'PATCH', path, { ...OFFSET_STREAM, 'upload-offset': offset, ...headers }, body)
  const head = (label: string, path: string): void => send(`${label}, then HEAD`, 'HEAD', path)

  for (const version of [undefined, '1.0.0', '0.2.2', 'x'])
    send(`OPTIONS with version ${version}`, 'OPTIONS', '/', { 'tus-resumable': version })

  for (const version of [undefined, '', '0.2.2', '1.0.1', '2.0.0', 'x']) {
    const label = `version ${version}`
    const path = begin()
    send(`${label}: POST`, 'POST', '/', { 'tus-resumable': version, 'upload-length': '10' })
    send(`${label}: HEAD`, 'HEAD', path, { 'tus-resumable': version })
    patch(`${label}: PATCH`, path, '0', 'hello', { 'tus-resumable': version })
    send(`${label}: DELETE`, 'DELETE', path, { 'tus-resumable': version })
    head(label, path)
  }

  for (const length of [
    '0010',
    '-1',
    '+1',
    '1.5',
    '5abc',
    'five',
    '1e3',
    '0x10',
    '1000001',
    '9007199254740992',
  ])
    send(`POST with length ${length}`, 'POST', '/', { 'upload-length': length })
  for (const length of ['1', '10', '1000000']) head(`length ${length}`, begin({ 'upload-length': length }))
  send('POST with no length', 'POST', '/')
  for (const deferred of ['0', '2', 'true', '1.0'])
    send(`POST with a length deferred by ${deferred}`, 'POST', '/', { 'upload-defer-length': deferred })
  send('POST with both lengths', 'POST', '/', { 'upload-length': '5', 'upload-defer-length': '1' })
  send('POST of 0 bytes', 'POST', '/', { 'upload-length': '0' })

  for (const [label, metadata] of Object.entries({
    'one key': `filename ${base64('a.txt')}`,
    'several keys': `filename ${base64('a.txt')},filetype ${base64('text/plain')},mine ${base64('x')}`,
    'a value left out': `filename ${base64('a.txt')},flag`,
    'an empty value': `flag ,filename ${base64('a.txt')}`,
    'bytes that are no text': 'mine AAEC/w==',
    'punctuation in a key': "a!#$%&'*+-.^_`|~:;() YQ==",
  })) {
    head(label, begin({ 'upload-length': '10', 'upload-metadata': metadata }))
  }
  for (const [label, metadata] of Object.entries({
    'a key twice': 'a YQ==,a Yg==',
    'no Base64': 'a @@@@',
    'Base64 without padding': 'a YQ',
    'Base64 of addresses': 'a _-8=',
    'an empty key': 'a YQ==, YQ==',
    'an empty pair': 'a YQ==,,b YQ==',
    'a comma at the end': 'a YQ==,',
    'two spaces': 'a  YQ==',
    'three words': 'a YQ== YQ==',
    'a key that is not ASCII': 'ä YQ==',
    nothing: '',
  })) {
    send(`POST with metadata of ${label}`, 'POST', '/', {
      'upload-length': '10',
      'upload-metadata': metadata,
    })
  }

  for (const offset of [
    undefined,
    '',
    '-1',
    '+0',
    '1.5',
    '5abc',
    'abc',
    '0x0',
    '1e1',
    '00',
    '9007199254740992',
    '0, 0',
  ]) {
    const path = begin()
    patch(`PATCH at offset ${offset}`, path, offset, 'hello')
    head(`PATCH at offset ${offset}`, path)
  }
  for (const offset of ['1', '5', '10', '11']) {
    const path = begin()
    patch(`PATCH at ${offset} of an upload at 0`, path, offset, 'hello')
    head(`PATCH at ${offset} of an upload at 0`, path)
  }
  for (const type of [
    undefined,
    'application/octet-stream',
    'text/plain',
    'application/offset+octet-streams',
    'Application/Offset+Octet-Stream',
    'application/offset+octet-stream; charset=binary',
  ]) {
    const path = begin()
    patch(`PATCH as ${type}`, path, '0', 'hello', { 'content-type': type })
    head(`PATCH as ${type}`, path)
  }

  const pieces = begin()
  patch('the first piece', pieces, '0', 'hello')
  head('the first piece', pieces)
  patch('the first piece again', pieces, '0', 'hello')
  patch('nothing', pieces, '5', '')
  patch('more than fits', pieces, '5', 'hello world')
  head('more than fits', pieces)
  patch('the last piece', pieces, '5', 'world')
  head('the last piece', pieces)
  patch('nothing behind the last', pieces, '10', '')
  patch('something behind the last', pieces, '10', 'x')
  patch('the first piece after the last', pieces, '0', 'hello')
  head('all pieces', pieces)

  const chunked = begin()
  patch('a piece of unknown length', chunked, '0', 'hello', { 'transfer-encoding': 'chunked' })
  patch('a piece of unknown length that does not fit', chunked, '5', 'hello world', {
    'transfer-encoding': 'chunked',
  })

  for (const path of ['{none}', '/none', '/a/b', '/%2e%2e', '/..%2f..']) {
    send(`HEAD of ${path}`, 'HEAD', path)
    patch(`PATCH of ${path}`, path, '0', 'hello')
    send(`DELETE of ${path}`, 'DELETE', path)
  }

  const deferred = begin({ 'upload-defer-length': '1' })
  head('a length deferred', deferred)
  patch('a piece before the length', deferred, '0', 'hello')
  head('a piece before the length', deferred)
  patch('a length that is less than has come', deferred, '5', '', { 'upload-length': '3' })
  patch('a length that is none', deferred, '5', '', { 'upload-length': 'x' })
  patch('a length that is too long', deferred, '5', '', { 'upload-length': '1000001' })
  patch('the length', deferred, '5', 'wor', { 'upload-length': '10' })
  head('the length', deferred)
  patch('another length', deferred, '8', 'ld', { 'upload-length': '11' })
  patch('the rest', deferred, '8', 'ld')
  head('the rest', deferred)
  const known = begin()
  patch('a length where it is known', known, '0', 'hello', { 'upload-length': '20' })
  head('a length where it is known', known)

  const first = { 'upload-length': '10', ...OFFSET_STREAM }
  send('POST with a first piece', 'POST', '/', first, 'hello')
  send('POST with all bytes', 'POST', '/', first, 'helloworld')
  send('POST with too many bytes', 'POST', '/', first, 'hello world!')
  send('POST with bytes of another type', 'POST', '/', { ...first, 'content-type': 'text/plain' }, 'hello')
  send('POST with bytes and no type', 'POST', '/', { 'upload-length': '10' }, 'hello')
  send('POST with a type and no bytes', 'POST', '/', first)
  send(
    'POST with bytes and a length deferred',
    'POST',
    '/',
    { 'upload-defer-length': '1', ...OFFSET_STREAM },
    'hello',
  )

  for (const [method, override] of [
    ['POST', 'PATCH'],
    ['PUT', 'PATCH'],
    ['POST', 'HEAD'],
    ['POST', 'DELETE'],
    ['POST', 'NONSENSE'],
  ] as const) {
    const path = begin()
    const headers = override === 'PATCH' ? { ...OFFSET_STREAM, 'upload-offset': '0' } : {}
    const body = override === 'PATCH' ? 'hello' : undefined
    send(
      `${method} that is meant as ${override}`,
      method,
      path,
      { 'x-http-method-override': override, ...headers },
      body,
    )
    head(`${method} that is meant as ${override}`, path)
  }
  for (const [method, path] of [
    ['PUT', '/'],
    ['PATCH', '/'],
    ['DELETE', '/'],
    ['HEAD', '/'],
    ['POST', begin()],
    ['PUT', begin()],
  ] as const) {
    send(`${method} of ${path === '/' ? 'the beginning' : 'an upload'}`, method, path)
  }

  const ended = begin()
  send('DELETE', 'DELETE', ended)
  head('DELETE', ended)
  patch('PATCH after DELETE', ended, '0', 'hello')
  send('DELETE after DELETE', 'DELETE', ended)
  const whole = begin()
  patch('all bytes', whole, '0', 'helloworld')
  send('DELETE of all bytes', 'DELETE', whole)
  head('DELETE of all bytes', whole)

  const summed = begin()
  patch('a piece with its checksum', summed, '0', 'hello', { 'upload-checksum': sha1('hello') })
  patch('a piece with another checksum', summed, '5', 'world', { 'upload-checksum': sha1('hello') })
  head('a piece with another checksum', summed)
  const unsummed = begin()
  patch('a piece with an unknown checksum', unsummed, '0', 'hello', { 'upload-checksum': 'crc32 AAAAAA==' })
  patch('a piece with a bad checksum', unsummed, '0', 'hello', { 'upload-checksum': 'sha1 x' })

  const parts = [0, 1].map(() => begin({ 'upload-length': '5', 'upload-concat': 'partial' }, 'begin a part'))
  for (const part of parts) {
    head('a part', part)
    patch('the bytes of a part', part, '0', 'hello')
  }
  const final = `final;${parts.join(' ')}`
  requests.push({
    label: 'the whole',
    method: 'POST',
    path: '/',
    headers: { 'upload-concat': final },
    as: 'whole',
  })
  head('the whole', '{whole}')
  patch('PATCH of the whole', '{whole}', '10', 'x')
  for (const concat of ['parts', 'final', 'final;', 'final;/none'])
    send(`POST with concat ${concat}`, 'POST', '/', { 'upload-concat': concat })
  send('POST of a whole with a length', 'POST', '/', { 'upload-concat': final, 'upload-length': '10' })
  send('POST of a whole of what is not finished', 'POST', '/', {
    'upload-concat': `final;${begin({ 'upload-length': '5', 'upload-concat': 'partial' }, 'begin a part')}`,
  })
  return requests
}
