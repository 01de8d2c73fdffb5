import { expect, it } from 'vitest'
import { encodeHealth, readHealthRequest } from './health.ts'
import { HealthCheckRequest, HealthCheckResponse, rawBytes, rawField } from './proto.fixture.ts'

it('readHealthRequest() reads the last name of a service among fields it does not know', () => {
  expect(readHealthRequest(Buffer.alloc(0))).toBe('')
  expect(readHealthRequest(Buffer.from(HealthCheckRequest.encode({ service: 'a.B' }).finish()))).toBe('a.B')
  const twice = Buffer.concat([rawBytes(1, 'a'), rawField(9, 0, 1), rawBytes(1, 'b')])
  expect(readHealthRequest(twice)).toBe('b')
  expect(() => readHealthRequest(Buffer.of(0x0a, 5))).toThrow('truncated')
})

it.each([
  ['serving', 1],
  ['not-serving', 2],
  ['unknown-service', 3],
] as const)('encodeHealth() writes %s as %i', (status, number) => {
  const decoded = HealthCheckResponse.toObject(HealthCheckResponse.decode(encodeHealth(status)))
  expect(decoded).toEqual({ status: number })
})
