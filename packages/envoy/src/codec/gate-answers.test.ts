import { expect, it } from 'vitest'
import { gateFixture } from '../gate/gate.fixture.ts'
import { bucketUpstream } from '../upstream/bucket-upstream.ts'
import { encodeAnswer } from './encode-answer.ts'
import { UNWRITABLE } from './fixed-answers.ts'

it('encodeAnswer() can write whatever the gate answers', async () => {
  const keys = { accessKey: 'key', secretKey: 'secret' }
  const upstream = bucketUpstream({ host: 'minio:9000', bucket: 'b', credentials: keys })
  for (const options of [{}, { upstreams: { memory: upstream } }]) {
    const { store, check } = await gateFixture(options)
    const { id, etag } = await store
      .put(Buffer.from('text'), {
        filename: 'na\u00efve "file" \u{1f600}.txt',
        visibility: 'public',
        at: { key: 'folder/\u00e4 \u{1f600}.txt' },
      })
      .then((media) => ({ id: media.id, etag: `"${media.digest ?? ''}"` }))
    const paths = [
      `/media/${id}/content`,
      `/media/${id}/content?download=1`,
      '/media/k/folder/%C3%A4%20%F0%9F%98%80.txt',
      '/media/k/none',
      '/media/../x',
      '/',
      '*',
      '',
    ]
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        for (const headers of [
          {},
          { range: 'bytes=1-2' },
          { range: 'bytes=99-' },
          { 'if-none-match': etag },
          { accept: 'text/html' },
        ]) {
          const answer = await check(path, { method, headers })
          expect(encodeAnswer(answer)).not.toEqual(encodeAnswer(UNWRITABLE))
        }
      }
    }
  }
})
