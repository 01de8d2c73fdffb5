import type { Clock } from '../contracts/clock.ts'
import type { KeyRing } from '../contracts/key-ring.ts'
import type { SignOptions } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'

/** Whose addresses they are: stores that share keys and base address make and take the same ones. */
export interface AddressSigner {
  readonly keys: KeyRing
  readonly clock: Clock
  /** Where `mediaRouter` is mounted, with a slash at its end. */
  readonly publicBaseUrl: URL | undefined
}

/** What a download address binds, one per line: nothing in it can be changed, and no other purpose can be made of it. */
function message(
  namespace: string,
  id: string,
  expiresSeconds: number,
  download: boolean,
  variant: string | undefined,
): string {
  return [
    'v1',
    'GET',
    namespace,
    id,
    String(expiresSeconds),
    download ? 'attachment' : 'inline',
    variant ?? '',
  ].join('\n')
}

/**
 * A signed address of the bytes of a media.
 * @throws MediaError MEDIA_BAD_INPUT `no-public-base-url`; `bad-expiry` for an instant that is none
 */
export function signUrl(signer: AddressSigner, namespace: string, id: string, options: SignOptions): URL {
  const { publicBaseUrl } = signer
  if (publicBaseUrl === undefined) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      'set publicBaseUrl, the address where mediaRouter is mounted, to sign addresses',
      { reason: 'no-public-base-url' },
    )
  }
  const expiresSeconds = Math.floor(options.expiresAt.getTime() / 1000)
  if (!(expiresSeconds > 0 && expiresSeconds <= MAX_EXPIRES_SECONDS))
    throw new MediaError('MEDIA_BAD_INPUT', 'expiresAt is not an instant that an address can carry', {
      reason: 'bad-expiry',
    })
  const download = options.download === true
  const { kid, signature } = signer.keys.sign(
    'download',
    message(namespace, id, expiresSeconds, download, options.variant),
  )
  const path =
    options.variant === undefined ? `${id}/content` : `${id}/variants/${encodeURIComponent(options.variant)}`
  const url = new URL(path, publicBaseUrl)
  url.search = new URLSearchParams({
    kid,
    exp: String(expiresSeconds),
    ...(download ? { download: '1' } : {}),
    sig: signature,
  }).toString()
  return url
}

/** Twelve digits, as `verifySignedUrl` reads them: what is signed can be checked. */
const MAX_EXPIRES_SECONDS = 999_999_999_999

const NAMES = ['kid', 'exp', 'sig'] as const

/**
 * What the query of a signed address lets in.
 * @throws MediaError MEDIA_DENIED `signature` or `expired`
 */
export function verifySignedUrl(
  signer: Pick<AddressSigner, 'keys' | 'clock'>,
  namespace: string,
  id: string,
  query: URLSearchParams,
): { download: boolean; expiresAt: Date } {
  for (const name of [...NAMES, 'download']) if (query.getAll(name).length > 1) throw denied()
  const [kid, exp, sig] = NAMES.map((name) => query.get(name) ?? '') as [string, string, string]
  if (!/^[1-9][0-9]{0,11}$/.test(exp)) throw denied()
  const asked = query.get('download')
  if (asked !== null && asked !== '1') throw denied()
  const download = asked === '1'
  const isSignedFor = (attachment: boolean): boolean =>
    signer.keys.verify('download', message(namespace, id, Number(exp), attachment, undefined), {
      kid,
      signature: sig,
    })
  // Whoever may look at bytes may save them. Not the other way round: what was signed as attachment is never shown in a page.
  if (!isSignedFor(download) && !(download && isSignedFor(false))) throw denied()
  const expiresAt = new Date(Number(exp) * 1000)
  if (expiresAt.getTime() <= signer.clock.now())
    throw new MediaError('MEDIA_DENIED', 'the signed address has expired', { reason: 'expired' })
  return { download, expiresAt }
}

function denied(): MediaError {
  return new MediaError('MEDIA_DENIED', 'the signature does not match', { reason: 'signature' })
}
