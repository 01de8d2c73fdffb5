import grpc from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { UNANSWERED } from '../codec/fixed-answers.ts'
import type { GateAnswer, GateRequest } from '../contracts.ts'
import { connectTo, expected, type GateClient, gateOf, MISSING, QUESTION, READY } from './client.fixture.ts'
import { registerExtAuthz } from './register.ts'

/*
 * A server of grpc-js that the host has already.
 */

let server: grpc.Server
let client: GateClient
let answer: (request: GateRequest) => GateAnswer | Promise<GateAnswer>

beforeEach(async () => {
  server = new grpc.Server({ 'grpc.enable_channelz': 0 })
  registerExtAuthz(
    server,
    gateOf((request) => answer(request)),
    { answerWithinMs: 100 },
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  client = connectTo(`127.0.0.1:${port}`)
})

afterEach(() => {
  client.close()
  server.forceShutdown()
})

it('answers at once or later, tells the gate who asks, and refuses in time', async () => {
  let asked: GateRequest | undefined
  answer = (request) => {
    asked = request
    return READY
  }
  expect(await client.check(QUESTION)).toEqual(expected(READY))
  expect(asked?.proxyAddress).toBe('127.0.0.1')
  answer = () => Promise.resolve(MISSING)
  expect(await client.check(QUESTION)).toEqual(expected(MISSING))
  answer = () => new Promise(() => undefined)
  expect(await client.check(QUESTION)).toEqual(expected(UNANSWERED))
})

it('outlives calls that are cancelled', async () => {
  answer = () => new Promise(() => undefined)
  const abort = new AbortController()
  const call = client.ask(QUESTION, { signal: abort.signal })
  setImmediate(() => abort.abort())
  expect(await call).toEqual({ code: 1 })
  answer = () => READY
  expect(await client.check(QUESTION)).toEqual(expected(READY))
})
