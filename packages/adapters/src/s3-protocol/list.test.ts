import { describe, expect, it } from 'vitest'
import type { BucketClient, ListingOptions } from './bucket-client.ts'
import { configure } from './configure.ts'
import { listPage } from './list.ts'
import { S3Failure } from './s3-failure.ts'

const frame = { cause: 'read', signal: new AbortController().signal, tell: () => {} } as const
const clock = { now: () => 0, after: () => () => {} }

/** Five objects, a page for each; `tokens` says what the endpoint does with words of its own. */
function endpoint(tokens: 'taken' | 'forgotten' | 'none') {
  const asked: ListingOptions['from'][] = []
  const names = ['a', 'b', 'c', 'd', 'e'].map((key) => `far/objects/${key}`)
  const client = {
    async listObjects({ prefix, limit, from }: ListingOptions) {
      asked.push(from)
      if (from !== undefined && 'token' in from && tokens === 'forgotten')
        throw new S3Failure('InvalidArgument', { status: 400 })
      const after = from === undefined ? '' : 'token' in from ? from.token.slice(1) : from.startAfter
      const left = names.filter((key) => key.startsWith(prefix) && key > after)
      const objects = left
        .slice(0, limit)
        .map((key) => ({ key, sizeBytes: 1, etag: 'e', modifiedAt: new Date(0) }))
      const last = objects.at(-1)?.key
      return {
        objects,
        isMore: left.length > limit,
        ...(tokens === 'none' || last === undefined ? {} : { token: `t${last}` }),
      }
    },
  } as Partial<BucketClient> as BucketClient
  return { asked, bucket: configure({ bucket: 'b', prefix: 'far/' }, 'far', client, clock) }
}

async function keysOf(
  bucket: ReturnType<typeof endpoint>['bucket'],
  cursor?: string,
): Promise<readonly string[]> {
  const page = await listPage(bucket, { limit: 2, ...(cursor === undefined ? {} : { cursor }) }, frame)
  const keys = page.objects.map(({ key }) => key)
  return page.cursor === undefined ? keys : [...keys, ...(await keysOf(bucket, page.cursor))]
}

const ALL = ['a', 'b', 'c', 'd', 'e']

describe('listPage()', () => {
  it('goes on by the words of the endpoint, never by a name where it has them', async () => {
    const { bucket, asked } = endpoint('taken')
    expect(await keysOf(bucket)).toEqual(ALL)
    expect(asked).toEqual([undefined, { token: 'tfar/objects/b' }, { token: 'tfar/objects/d' }])
  })

  it('goes on after the last name where the endpoint takes its words no more', async () => {
    const { bucket, asked } = endpoint('forgotten')
    expect(await keysOf(bucket)).toEqual(ALL)
    expect(asked.slice(1, 3)).toEqual([{ token: 'tfar/objects/b' }, { startAfter: 'far/objects/b' }])
  })

  it('goes on after the last name where the endpoint gives no words', async () => {
    const { bucket, asked } = endpoint('none')
    expect(await keysOf(bucket)).toEqual(ALL)
    expect(asked).toEqual([undefined, { startAfter: 'far/objects/b' }, { startAfter: 'far/objects/d' }])
  })

  it.each(['aYg.', 'aYg.YQ.YQ', 'a.YQ', 'bYg.YQ', 'aYg.!'])('refuses the cursor %s', async (cursor) => {
    await expect(listPage(endpoint('taken').bucket, { cursor }, frame)).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason: 'bad-cursor',
    })
  })
})
