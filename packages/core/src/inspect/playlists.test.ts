import { describe, expect, test } from 'vitest'
import { ANYTHING, take } from './take.fixture.ts'

/** Lists that players open as films, and then whatever they name. */
const lists: readonly (readonly [string, string])[] = [
  ['HLS', '#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'],
  ['HLS of an address', '#EXTM3U\n#EXTINF:9,\nhttp://evil.example/a.ts\n'],
  ['HLS of joined files', '#EXTM3U\n#EXTINF:9,\nconcat:/etc/passwd|/etc/hosts\n'],
  ['ffconcat', "ffconcat version 1.0\nfile '/etc/passwd'\n"],
  [
    'DASH',
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/</BaseURL></MPD>',
  ],
  ['SDP', 'v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\nc=IN IP4 10.0.0.1\r\nm=video 9 RTP/AVP 96\r\n'],
  ['SAMI', '<SAMI><BODY><SYNC Start=0><P>a'],
  ['PLS', '[playlist]\nFile1=http://evil.example/a\n'],
]

describe('2.8 lists of other files are refused', () => {
  for (const [name, list] of lists) {
    for (const filename of ['a.mp4', 'a.avi', 'a.mov', 'a.mkv']) {
      test(`2.8-01 ${name} named ${filename}: MEDIA_TYPE_REFUSED`, async () => {
        await expect(take(Buffer.from(list), { filename })).rejects.toMatchObject({
          code: 'MEDIA_TYPE_REFUSED',
        })
      })
    }
    test(`2.8-02 ${name} where a policy takes everything: refused with a reason`, async () => {
      await expect(take(Buffer.from(list), { policies: ANYTHING })).rejects.toMatchObject({
        code: 'MEDIA_INVALID',
        reason: 'playlist',
      })
    })
  }

  test('2.8-03 a list is taken where a policy names its type', async () => {
    const policies = [{ match: 'application/vnd.apple.mpegurl' }]
    await expect(take(Buffer.from('#EXTM3U\n#EXTINF:9,\na.ts\n'), { policies })).resolves.toMatchObject({
      contentType: 'application/vnd.apple.mpegurl',
    })
  })
})
