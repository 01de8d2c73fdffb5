import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { MediaStore, MediaStoreOptions } from '@mediakeep/core'
import { expect } from 'vitest'
import { type MediaRouterOptions, mediaRouter } from '../router/media-router.ts'
import { type Answer, memoryMedia, namedAccess, type Wire, wireOf } from '../wire.fixture.ts'

/** A body of its own. */
export const note = (text: string): Buffer => Buffer.from(`a note about ${text}\n`)
export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
export const digestField = (bytes: Buffer): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

export const ANN = { authorization: 'as ann' }
export const BOB = { authorization: 'as bob' }

/** A store behind `node:http`, mounted at /media. */
export interface Door {
  readonly store: MediaStore
  readonly wire: Wire
  /** POST /media/uploads by Ann. */
  begin(wanted: object, headers?: Record<string, string>): Promise<Answer>
  /** Nothing of any upload is left: no record, no session. */
  expectNothing(): Promise<void>
  close(): Promise<void>
}

export interface DoorOptions extends Partial<MediaRouterOptions> {
  readonly media?: Partial<MediaStoreOptions>
}

export async function openDoor({ media, ...options }: DoorOptions = {}): Promise<Door> {
  const store = await memoryMedia(media)
  const router = mediaRouter(store, { access: namedAccess(), basePath: '/media', ...options })
  const wire = await wireOf(createServer(router))
  return {
    store,
    wire,
    begin: (wanted, headers = ANN) =>
      wire.ask('/media/uploads', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(wanted),
      }),
    async expectNothing() {
      expect((await store.list()).items).toEqual([])
      expect(await store.uploads.list()).toEqual([])
    },
    async close() {
      await wire.close()
      await store.close()
    },
  }
}

/** What says how a body is put. */
export const wantedFor = (body: Buffer, more: object = {}): object => ({
  filename: 'a.txt',
  contentType: 'text/plain',
  sizeBytes: body.length,
  mode: 'presigned',
  ...more,
})

export const textOf = (answer: Answer, name: string): string => String(answer.json[name])

/** Code and reason of a refusal, behind its status. */
export const refusal = ({ status, json }: Answer): readonly [number, unknown, unknown] => [
  status,
  json['code'],
  json['reason'],
]
