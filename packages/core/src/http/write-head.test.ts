import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { writeHead } from './write-head.ts'

/** The status and headers that a client gets from a response that was prepared so. */
async function received(prepare: (response: ServerResponse) => void): Promise<[number, Headers]> {
  const server = createServer((_, response) => {
    prepare(response)
    writeHead(response, 206, ['ETag', '"x"', 'Vary', 'Authorization, Cookie', 'Content-Length', '0'])
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  server.close()
  return [answer.status, answer.headers]
}

it('writeHead() gives every header to a response whose writeHead takes lists for pairs', async () => {
  const [status, headers] = await received((response) => {
    const own = response.writeHead.bind(response)
    response.writeHead = (code: number, ...rest: unknown[]) => {
      const list = rest.find(Array.isArray) ?? []
      for (const [name, value] of list) response.setHeader(name, value)
      return own(code)
    }
  })
  expect([status, headers.get('etag'), headers.get('vary')]).toEqual([206, '"x"', 'Authorization, Cookie'])
})

it.each([
  [undefined, 'Authorization, Cookie'],
  ['Origin', 'Origin, Authorization, Cookie'],
  [['Origin', 'Accept'], 'Origin, Accept, Authorization, Cookie'],
  ['cookie ,Origin', 'cookie, Origin, Authorization'],
])('writeHead() adds to a Vary of %j what it does not name', async (present, expected) => {
  const [, headers] = await received((response) => {
    if (present !== undefined) response.setHeader('Vary', present)
  })
  expect(headers.get('vary')).toBe(expected)
})

it('writeHead() replaces other headers that were set before', async () => {
  const [status, headers] = await received((response) => {
    response.statusCode = 404
    response.setHeader('ETag', '"old"')
    response.setHeader('X-Other', 'stays')
  })
  expect([status, headers.get('etag'), headers.get('x-other')]).toEqual([206, '"x"', 'stays'])
})
