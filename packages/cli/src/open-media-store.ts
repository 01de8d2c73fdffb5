import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type FsStore, fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  createKeyRing,
  createMediaStore,
  createSigningKey,
  type KeyRing,
  MediaError,
  type MediaStore,
  type MediaStoreOptions,
} from '@mediakeep/core'

/** What may differ from the embedded default; everything else is in the folder. */
export interface OpenMediaStoreOptions extends Omit<MediaStoreOptions, 'tiers' | 'catalog'> {
  /** Bytes that bodies on their way in may take. Default: the file-system store's. */
  readonly stagingBudgetBytes?: number
  /** Bytes that media may take. Default: as much as the disk has. */
  readonly capacityBytes?: number
  /**
   * A folder, best on another disk, that holds a copy of all bytes as `SECOND/volume`. `minCopies` is then 2 unless said otherwise.
   * It serves when the first disk does not, and damaged copies are repaired from it.
   */
  readonly secondDirectory?: string
  /** `durable` (default): an acknowledged write survives power loss. `file`: the end of the process. `none`: neither is promised. */
  readonly durability?: 'none' | 'file' | 'durable'
}

/**
 * The embedded default: media in `directory/volume`, records in `directory/catalog.sqlite`, signing keys in `directory/keys.json`.
 * One folder to back up. Several processes may open the same folder.
 * @throws MediaError MEDIA_UNAVAILABLE `not-writable` naming the folder, MEDIA_UNSUPPORTED `layout-newer` or `no-sqlite-driver`.
 */
export async function openMediaStore(
  directory: string,
  options: OpenMediaStoreOptions = {},
): Promise<MediaStore> {
  const { stagingBudgetBytes, capacityBytes, durability, secondDirectory, ...rest } = options
  const root = resolve(directory)
  await createFolder(root)
  const keys = options.keys ?? (await folderKeys(join(root, 'keys.json')))
  const volumeIn = (directory: string): FsStore =>
    fsStore({
      root: join(directory, 'volume'),
      ...(durability === undefined ? {} : { durability }),
      ...(stagingBudgetBytes === undefined ? {} : { stagingBudgetBytes }),
    })
  const limits = capacityBytes === undefined ? {} : { capacityBytes }
  const second = secondDirectory === undefined ? undefined : resolve(secondDirectory)
  if (second === root)
    throw new MediaError('MEDIA_BAD_INPUT', 'the second folder is the first one: give another disk', {
      reason: 'bad-composition',
    })
  if (second !== undefined) await createFolder(second)
  return createMediaStore({
    ...(second === undefined ? {} : { minCopies: 2 }),
    ...rest,
    keys,
    catalog: sqliteCatalog({ file: join(root, 'catalog.sqlite') }),
    tiers: [
      { name: 'disk', store: volumeIn(root), ...limits },
      ...(second === undefined ? [] : [{ name: 'second-disk', store: volumeIn(second), ...limits }]),
    ],
  })
}

async function createFolder(root: string): Promise<void> {
  try {
    // Names, owners and tags are nobody else's on this machine, like the bytes in `volume/`.
    await mkdir(root, { recursive: true, mode: 0o750 })
  } catch (cause) {
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `cannot create the folder ${root}; give one that this user may write`,
      { reason: 'not-writable', cause },
    )
  }
}

interface KeyFile {
  readonly version: 1
  /** Newest first. */
  readonly keys: readonly { readonly kid: string; readonly secret: string }[]
}

/** The folder's own signing keys, made once, readable by their owner only. Two processes that start at once agree on one. */
async function folderKeys(file: string): Promise<KeyRing> {
  const text = (await readIfThere(file)) ?? (await createKeys(file))
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
