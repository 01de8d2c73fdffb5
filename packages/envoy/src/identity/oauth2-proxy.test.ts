import { expect, it } from 'vitest'
import { asked } from '../gate/gate.fixture.ts'
import { oauth2ProxyIdentity } from './oauth2-proxy.ts'

const identity = oauth2ProxyIdentity({
  trustedProxies: ['10.0.0.0/8', '::1', '192.0.2.7'],
  adminGroups: ['ops'],
})
const question = (headers: Record<string, string>) =>
  asked('/media/k/a', { sourceAddress: '10.0.0.1', headers })
const said = (sourceAddress: string | undefined, headers: Record<string, string>): unknown =>
  identity(asked('/media/k/a', { ...(sourceAddress === undefined ? {} : { sourceAddress }), headers }))

it.each(['10.1.2.3', '::1', '192.0.2.7', '::ffff:10.1.2.3'])('believes a trusted proxy at %s', (address) => {
  expect(said(address, { 'x-forwarded-user': 'ann' })).toEqual({ id: 'ann' })
})

it.each(['11.0.0.1', '192.0.2.8', '127.0.0.1', '', 'unix', '10.1.2.3, 11.0.0.1', undefined])(
  'believes nobody else: %s',
  (address) => {
    expect(said(address, { 'x-forwarded-user': 'ann' })).toBeUndefined()
  },
)

it('takes two users under one name for none', () => {
  for (const user of ['ann,admin', 'admin, ann', '', ' ', 'x'.repeat(257)])
    expect(said('10.0.0.1', { 'x-forwarded-user': user })).toBeUndefined()
})

it('makes members of the named groups admins', () => {
  expect(said('10.0.0.1', { 'x-forwarded-user': 'ann', 'x-forwarded-groups': 'dev, ops' })).toEqual({
    id: 'ann',
    admin: true,
  })
  expect(said('10.0.0.1', { 'x-forwarded-user': 'ann', 'x-forwarded-groups': 'oops' })).toEqual({
    id: 'ann',
  })
})

it('looks at the address of the asking proxy where it is told to', () => {
  const own = oauth2ProxyIdentity({ trustedProxies: ['127.0.0.1'], trust: 'proxy' })
  const headers = { 'x-auth-request-user': 'ann' }
  expect(own(asked('/', { proxyAddress: '127.0.0.1', sourceAddress: '203.0.113.1', headers }))).toEqual({
    id: 'ann',
  })
  expect(
    own(asked('/', { proxyAddress: '203.0.113.1', sourceAddress: '127.0.0.1', headers })),
  ).toBeUndefined()
})

it.each(['10.0.0.0/33', '10.0.0', '10.0.0.0/x', '::/129', '', 'localhost'])(
  'refuses the network %j',
  (network) => {
    expect(() => oauth2ProxyIdentity({ trustedProxies: [network] })).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-option' }),
    )
  },
)

it('reads one family of headers: what clients say under the other passes through OAuth2 Proxy as they wrote it', () => {
  const both = { 'x-forwarded-user': 'ann', 'x-auth-request-user': 'admin', 'x-auth-request-groups': 'ops' }
  expect(said('10.0.0.1', both)).toEqual({ id: 'ann' })
  expect(said('10.0.0.1', { 'x-auth-request-user': 'admin' })).toBeUndefined()
  const other = oauth2ProxyIdentity({ trustedProxies: ['10.0.0.0/8'], headers: 'x-auth-request' })
  expect(other(question(both))).toEqual({ id: 'admin' })
})
