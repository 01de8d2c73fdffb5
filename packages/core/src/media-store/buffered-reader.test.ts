import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import type { MediaReader } from '../contracts/media-store.ts'
import { bytesOf, fixture, small } from './store.fixture.ts'

const ways: readonly (readonly [string, (reader: MediaReader) => Promise<void>])[] = [
  [
    'stream()',
    async (reader) => {
      for await (const chunk of reader.stream()) (chunk as Buffer).fill(0)
    },
  ],
  [
    'web()',
    async (reader) => {
      for await (const chunk of reader.web() as unknown as AsyncIterable<Uint8Array>) chunk.fill(0)
    },
  ],
  ['bytes()', async (reader) => void (await reader.bytes({ maxBytes: 1e9 })).fill(0)],
  [
    'writeTo()',
    async (reader) => {
      const through = new PassThrough()
      await reader.writeTo(through)
      through.end()
      for await (const chunk of through) (chunk as Buffer).fill(0)
    },
  ],
]

it.each(ways)(
  'what a consumer does with the chunks of %s changes nothing that others are served',
  async (_name, spoil) => {
    const { store } = await fixture()
    const { id } = await store.put(small)
    for (const at of ['first read', 'read from memory']) {
      await spoil(await store.open(id))
      expect((await bytesOf(store, id)).equals(small), at).toBe(true)
    }
  },
)
