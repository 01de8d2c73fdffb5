import { expect, test } from 'vitest'
import { escapeUri, presignUrl } from './sign-v4.ts'

test('presignUrl() makes the signature of the example in the documentation of S3', () => {
  const url = presignUrl(
    {
      method: 'GET',
      url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
      query: {},
      headers: {},
      region: 'us-east-1',
      at: new Date('2013-05-24T00:00:00Z'),
      lifeSeconds: 86_400,
    },
    { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  )
  expect(url.searchParams.get('X-Amz-Signature')).toBe(
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  )
})

test('escapeUri() leaves the letters that a signature leaves, and no others', () => {
  expect(escapeUri("a-Z_0.~ /!'()*+\u00e9")).toBe('a-Z_0.~%20%2F%21%27%28%29%2A%2B%C3%A9')
})
