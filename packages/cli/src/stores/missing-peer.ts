import { MediaError } from '@mediakeep/core'

/**
 * Loads an adapter whose vendor's packages are installed only by those who use it.
 * @throws MediaError MEDIA_UNSUPPORTED `missing-peer`, naming what to install
 */
export async function loadWithPeers<Module>(
  kind: string,
  peers: readonly string[],
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    if (!isMissing(cause, peers)) throw cause
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      `${kind} stores need packages that are not installed: npm install ${peers.join(' ')}`,
      { reason: 'missing-peer', cause },
    )
  }
}

function isMissing(error: unknown, peers: readonly string[]): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return (
    (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') &&
    peers.some((peer) => error.message.includes(`'${peer}'`))
  )
}
