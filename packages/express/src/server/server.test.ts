import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { drainServer } from './drain.ts'
import { isLoopback, loopbackOnly } from './loopback.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) if (server.listening) await drainServer(server, { graceMs: 0 })
})

async function serve(
  listener: Parameters<typeof createServer>[1],
): Promise<{ server: Server; port: number }> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

function ask(port: number, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', headers, agent: false }, (response) => {
      response.resume()
      resolve(response)
    }).once('error', reject)
  })
}

describe('loopbackOnly()', () => {
  const rows: readonly (readonly [string, Record<string, string>, number])[] = [
    ['a program under the address', {}, 200],
    ['localhost, in any case', { host: 'LocalHost:3000' }, 200],
    ['IPv6 loopback', { host: '[::1]:3000' }, 200],
    ['a page of our own', { 'sec-fetch-site': 'same-origin' }, 200],
    ['a link that was followed', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 200],
    ['a page of this machine', { origin: 'http://[::1]:3000' }, 200],
    ['a page of another site, as old browsers tell it', { origin: 'https://evil.example' }, 403],
    ['a foreign name pointed at this machine', { host: 'evil.example' }, 403],
    ['a name that only begins like ours', { host: '127.evil.example' }, 403],
    ['a page of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
  ]
  for (const [name, headers, status] of rows) {
    it(`answers ${name} with ${status}`, async () => {
      const guard = loopbackOnly()
      const { port } = await serve((request, response) => guard(request, response, () => response.end('ok')))
      const answer = await ask(port, headers)
      expect(answer.statusCode).toBe(status)
      if (status === 403) expect(answer.headers['content-type']).toBe('application/problem+json')
    })
  }

  it('knows the names of this machine alone', () => {
    expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true)
    expect(['0.0.0.0', '::', '10.0.0.1', 'localhost.evil.example', ''].some(isLoopback)).toBe(false)
  })
})

describe('drainServer()', () => {
  it('lets a request under way end and closes kept-alive connections behind it', async () => {
    let finish = (): void => {}
    const { server, port } = await serve((_request, response) => {
      response.write('half')
      finish = () => response.end('whole')
    })
    const answer = await ask(port, { connection: 'keep-alive' })
    let ended = false
    const drained = drainServer(server).then(() => {
      ended = true
    })
    await new Promise(setImmediate)
    expect(ended).toBe(false)
    finish()
    await drained
    expect(answer.statusCode).toBe(200)
  })

  it('cuts off what still runs after the grace time', async () => {
    const { server, port } = await serve((_request, response) => response.write('never ends'))
    const answer = await ask(port, {})
    answer.on('error', () => {})
    await drainServer(server, { graceMs: 20 })
    expect(server.listening).toBe(false)
  })
})
