import type { Access, MediaStore, MediaStoreOptions } from '@mediakeep/core'
import { mediaRouter } from '../router/media-router.ts'
import type { RouterOptions } from '../router/settings.ts'
import { type Answer, type Ask, memoryMedia, namedAccess, serve, type Wire } from '../wire.fixture.ts'

export interface TusWire {
  readonly store: MediaStore
  readonly wire: Wire
  /** A request of `ann`, with the version; headers that are undefined are left out. */
  ask(path: string, options?: TusAsk): Promise<Answer>
  /** Begins an upload; answers its address. */
  begin(headers: Headers, body?: Buffer | string): Promise<string>
  patch(path: string, offset: number, body: Buffer | string, headers?: Headers): Promise<Answer>
  /** Where HEAD says that an upload is. */
  offset(path: string): Promise<number>
  close(): Promise<void>
}

export type Headers = Readonly<Record<string, string | undefined>>

export interface TusAsk extends Omit<Ask, 'headers'> {
  readonly headers?: Headers
}

export const OFFSET_STREAM = { 'content-type': 'application/offset+octet-stream' }

/** A store behind `mediaRouter` at `/media`. */
export async function tusWire(
  storeOptions: Partial<MediaStoreOptions> = {},
  routerOptions: RouterOptions & { readonly access?: Access } = {},
): Promise<TusWire> {
  const store = await memoryMedia(storeOptions)
  const wire = await serve(
    mediaRouter(store, { access: namedAccess(), basePath: '/media', ...routerOptions }),
  )
  const ask = (path: string, { headers = {}, ...options }: TusAsk = {}): Promise<Answer> => {
    const all = { 'tus-resumable': '1.0.0', authorization: 'as ann', ...headers }
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return wire.ask(path, { ...options, headers: Object.fromEntries(given) })
  }
  const patch: TusWire['patch'] = (path, offset, body, headers = {}) =>
    ask(path, {
      method: 'PATCH',
      headers: { ...OFFSET_STREAM, 'upload-offset': String(offset), ...headers },
      body,
    })
  return {
    store,
    wire,
    ask,
    patch,
    async begin(headers, body) {
      const type = body === undefined ? {} : OFFSET_STREAM
      const answer = await ask('/media/tus', {
        method: 'POST',
        headers: { ...type, ...headers },
        ...(body === undefined ? {} : { body }),
      })
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.body.toString()}`)
      return answer.headers.location ?? ''
    },
    async offset(path) {
      const { headers } = await ask(path, { method: 'HEAD' })
      return Number(headers['upload-offset'] ?? Number.NaN)
    },
    async close() {
      await wire.close()
      await store.close()
    },
  }
}

export function metadataOf(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}
