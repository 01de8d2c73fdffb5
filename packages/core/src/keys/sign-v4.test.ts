import { expect, test } from 'vitest'
import { createRequestSigner, escapeUri, presignedQuery, signedHeaders } from './sign-v4.ts'

const keys = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }

test('presignedQuery() makes the signature of the example in the documentation of S3', () => {
  const search = presignedQuery(createRequestSigner(keys, 'us-east-1'), {
    method: 'GET',
    host: 'examplebucket.s3.amazonaws.com',
    path: '/test.txt',
    query: {},
    at: new Date('2013-05-24T00:00:00Z'),
    lifeSeconds: 86_400,
  })
  expect(new URLSearchParams(search).get('X-Amz-Signature')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  )
})

test('a signer goes on signing rightly over midnight', () => {
  const signer = createRequestSigner(keys, 'us-east-1')
  const parts = { method: 'GET', host: 'h', path: '/a', search: '' }
  const [late, early] = [new Date('2013-05-24T23:59:59Z'), new Date('2013-05-25T00:00:00Z')]
  signedHeaders(signer, { ...parts, at: late })
  expect(signedHeaders(signer, { ...parts, at: early })).toEqual(
    signedHeaders(createRequestSigner(keys, 'us-east-1'), { ...parts, at: early }),
  )
})

test('escapeUri() leaves the letters that a signature leaves, and no others', () => {
  expect(escapeUri("a-Z_0.~ /!'()*+\u00e9")).toBe('a-Z_0.~%20%2F%21%27%28%29%2A%2B%C3%A9')
})
