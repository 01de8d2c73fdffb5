import {
  type Availability,
  badOption,
  DEFAULT_NAMESPACE,
  type KeyRing,
  MediaError,
  type MediaLocation,
  type MediaRef,
  nameOf,
  type ResourceStates,
  signUrl,
  systemClock,
  verifySignedUrl,
} from '@mediakeep/core'
import type { GateStore } from '../gate/gate-store.ts'
import { parseAvailability, parseMedia } from './media-answer.ts'

export interface HttpGateStoreOptions {
  /** Where the media service mounts `mediaRouter`, such as `http://10.0.0.5:3000/media`. */
  readonly url: string | URL
  /** Sent with each question: the credentials of somebody who may see all media, since the gate decides for whom. */
  readonly headers?: Readonly<Record<string, string>>
  /** Keys of the service: to let signed addresses in, and to make them. Without them such addresses are as any other. */
  readonly keys?: KeyRing
  /** What signed addresses begin with. Default: `url`. */
  readonly publicBaseUrl?: string | URL
  /** The states that the service shares: the gate is told of changes. Without them it believes for as long as it does without word. */
  readonly resourceStates?: Pick<ResourceStates, 'subscribe'>
  /** How long the service may take to answer. Default 2 s; the gate itself waits less. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 2_000

/**
 * A media service as the gate sees it from another process, by the service's own routes. One request for each look at what is ready,
 * two for what is not.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function httpGateStore(options: HttpGateStoreOptions): GateStore {
  const { headers = {}, keys, resourceStates, timeoutMs = TIMEOUT_MS } = options
  const base = baseOf(options.url)
  const publicBaseUrl = options.publicBaseUrl === undefined ? base : baseOf(options.publicBaseUrl)

  const ask = async (path: string, method = 'GET'): Promise<unknown> => {
    const response = await fetch(new URL(path, base), {
      method,
      headers: { accept: 'application/json', ...headers },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((cause: unknown) => {
      throw unreachable('the media service does not answer', cause)
    })
    if (response.status === 404) {
      await response.body?.cancel()
      return undefined
    }
    if (response.status !== 200 && response.status !== 202) {
      await response.body?.cancel()
      throw unreachable(`the media service answered ${response.status}`)
    }
    return response.json().catch((cause: unknown) => {
      throw unreachable('the media service answered with no JSON', cause)
    })
  }
  const find = async (ref: MediaRef): Promise<unknown> => {
    if (typeof ref === 'string') return ask(ref)
    const page = await ask(`?key=${encodeURIComponent(ref.key)}&limit=1`)
    const items = (page as { items?: unknown } | undefined)?.items
    if (!Array.isArray(items)) throw unreachable('the media service answered with no list')
    return items[0]
  }
  const availability = async (id: string): Promise<Availability> => {
    const answer = await ask(`${id}/availability`)
    return answer === undefined ? { state: 'missing' } : parseAvailability(answer)
  }
  const idOf = async (ref: MediaRef): Promise<string | undefined> => {
    if (typeof ref === 'string') return ref
    const found = await find(ref)
    return found === undefined ? undefined : parseMedia(found).media.id
  }
  return {
    async locate(ref): Promise<MediaLocation> {
      const names = [nameOf(DEFAULT_NAMESPACE, ref)]
      const found = await find(ref)
      if (found === undefined) return { media: undefined, availability: { state: 'missing' }, names }
      const { media, readyIn } = parseMedia(found)
      names.push(nameOf(DEFAULT_NAMESPACE, media.id))
      if (readyIn !== undefined)
        return { media, availability: { state: 'ready', tier: readyIn, since: media.updatedAt }, names }
      return { media, availability: await availability(media.id), names }
    },
    async stat(ref) {
      const found = await find(ref)
      return found === undefined ? undefined : parseMedia(found).media
    },
    async availability(ref) {
      const id = await idOf(ref)
      return id === undefined ? { state: 'missing' } : availability(id)
    },
    async warm(ref) {
      const id = await idOf(ref)
      if (id === undefined) return { state: 'missing' }
      const answer = await ask(`${id}/warm`, 'POST')
      return answer === undefined ? { state: 'missing' } : parseAvailability(answer)
    },
    async url(ref, signOptions) {
      if (keys === undefined)
        throw new MediaError('MEDIA_UNSUPPORTED', 'httpGateStore: give keys to sign addresses', {
          reason: 'no-keys',
        })
      const id = await idOf(ref)
      if (id === undefined)
        throw new MediaError('MEDIA_ABSENT', 'there is no such media', { reason: 'unknown' })
      return signUrl({ keys, clock: systemClock, publicBaseUrl }, DEFAULT_NAMESPACE, id, signOptions)
    },
    ...(keys === undefined
      ? {}
      : {
          verifyUrl: (id: string, query: URLSearchParams) =>
            verifySignedUrl({ keys, clock: systemClock }, DEFAULT_NAMESPACE, id, query),
        }),
    ...(resourceStates === undefined
      ? {}
      : { watch: (listener, gap) => resourceStates.subscribe(listener, gap) }),
  }
}

function baseOf(url: string | URL): URL {
  const base = URL.canParse(String(url)) ? new URL(url) : undefined
  if (base === undefined || !/^https?:$/.test(base.protocol) || base.search !== '' || base.hash !== '')
    throw badOption('httpGateStore: url is the http or https address of the media routes')
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}

function unreachable(message: string, cause?: unknown): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', message, {
    reason: 'service-unreachable',
    ...(cause === undefined ? {} : { cause }),
  })
}
