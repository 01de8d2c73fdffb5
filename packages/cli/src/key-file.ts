import { randomUUID } from 'node:crypto'
import { chmod, link, open, readFile, rm } from 'node:fs/promises'
import { createKeyRing, createSigningKey, type KeyRing, MediaError } from '@mediakeep/core'

interface KeyFile {
  readonly version: 1
  /** Newest first. */
  readonly keys: readonly { readonly kid: string; readonly secret: string }[]
}

/** The folder's own signing keys, made once, readable by their owner only. Two processes that start at once agree on one. */
export async function folderKeys(file: string): Promise<KeyRing> {
  const text = (await readIfThere(file)) ?? (await createKeys(file))
  return keyRingOf(text, file)
}

/** @throws MediaError MEDIA_CORRUPT `bad-key-file` */
export function keyRingOf(text: string, file: string): KeyRing {
  const { keys } = parseKeys(text, file)
  return createKeyRing(keys.map(({ kid, secret }) => ({ kid, secret: Buffer.from(secret, 'base64url') })))
}

async function createKeys(file: string): Promise<string> {
  const { kid, secret } = createSigningKey()
  const content: KeyFile = { version: 1, keys: [{ kid, secret: Buffer.from(secret).toString('base64url') }] }
  const temporary = `${file}.${randomUUID()}`
  try {
    const created = await open(temporary, 'w', 0o600)
    try {
      await created.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await created.sync()
    } finally {
      await created.close()
    }
    await chmod(temporary, 0o600)
    // A link never replaces: whoever comes second reads the first one's keys.
    await link(temporary, file).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    })
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `cannot write ${file}; give a folder that this user may write`,
      { reason: 'not-writable', cause },
    )
  } finally {
    await rm(temporary, { force: true })
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new MediaError('MEDIA_UNAVAILABLE', `cannot read ${file}`, { reason: 'not-readable', cause })
  }
}

function parseKeys(text: string, file: string): KeyFile {
  try {
    const parsed = JSON.parse(text) as KeyFile
    if (
      parsed.version === 1 &&
      Array.isArray(parsed.keys) &&
      parsed.keys.every(({ kid, secret }) => typeof kid === 'string' && typeof secret === 'string')
    )
      return parsed
  } catch {
    // told below: what the file says is secret
  }
  throw new MediaError(
    'MEDIA_CORRUPT',
    `${file} is not a key file; restore it from a backup, or delete it: addresses signed so far then end`,
    { reason: 'bad-key-file' },
  )
}
