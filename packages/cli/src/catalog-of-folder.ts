import { access, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { type Catalog, MediaError } from '@mediakeep/core'

const SQLITE_FILE = 'catalog.sqlite'
/** Beside the file: its log, the index of that, and the room that is kept for a full disk. */
const SQLITE_ENDINGS = ['', '-wal', '-shm', '-reserve'] as const
const ASIDE = '.before-postgres'
/** Says that the records of the folder are in a database, whose address is never written down. */
const ELSEWHERE_FILE = 'catalog.elsewhere'
const ELSEWHERE_TEXT =
  'The records of this folder are in a PostgreSQL database: give its address as databaseUrl.\n'

export interface CatalogChoice {
  readonly databaseUrl?: string
  /** A folder whose records are in SQLite so far. */
  readonly bringsOver?: boolean
}

/**
 * The catalog of a folder: SQLite in it, or the database. A variable that is set in one shell and not in another must not give
 * the same media two catalogs, of which the empty one would take all objects for garbage.
 * @throws MediaError MEDIA_CONFLICT `two-catalogs`; MEDIA_UNSUPPORTED `no-sqlite-driver` or `no-pg`
 */
export async function openCatalog(
  root: string,
  { databaseUrl, bringsOver }: CatalogChoice,
): Promise<Catalog> {
  if (databaseUrl === undefined) {
    if (await isThere(join(root, ELSEWHERE_FILE)))
      throw twoCatalogs(
        `the records of ${root} are in a PostgreSQL database, and no databaseUrl (DATABASE_URL) names it; ${ELSEWHERE_FILE} in the folder says so`,
      )
    return sqliteCatalog({ file: join(root, SQLITE_FILE) })
  }
  if (bringsOver !== true && (await isThere(join(root, SQLITE_FILE))))
    throw twoCatalogs(
      `the records of ${root} are in its ${SQLITE_FILE}, and databaseUrl (DATABASE_URL) names another catalog; bring them over with \`mediakeep rebuild\`, or unset it`,
    )
  // An adapter whose package may be missing is loaded by those who use it.
  const { postgresCatalog } = await import('@mediakeep/adapters/postgres')
  return postgresCatalog({ connectionString: databaseUrl })
}

/** Whether its records are there, and can be used as they are; changes nothing. @throws MediaError as opening the database does */
export async function lookAtCatalog(
  root: string,
  databaseUrl: string | undefined,
): Promise<'missing' | 'older' | 'ready'> {
  if (databaseUrl === undefined) return (await isThere(join(root, SQLITE_FILE))) ? 'ready' : 'missing'
  const { lookAtPostgresCatalog } = await import('@mediakeep/adapters/postgres')
  return lookAtPostgresCatalog({ connectionString: databaseUrl })
}

/** To be called once the database has been opened: from then on the folder is not opened without one. */
export async function noteElsewhere(root: string): Promise<void> {
  await writeFile(join(root, ELSEWHERE_FILE), ELSEWHERE_TEXT, { mode: 0o640 })
}

/** Puts the SQLite file aside whose records are in the database now. @returns its new name, `undefined` where there was none */
export async function putSqliteAside(root: string): Promise<string | undefined> {
  if (!(await isThere(join(root, SQLITE_FILE)))) return undefined
  for (const ending of SQLITE_ENDINGS) {
    const file = join(root, SQLITE_FILE + ending)
    if (await isThere(file)) await rename(file, join(root, SQLITE_FILE + ASIDE + ending))
  }
  return SQLITE_FILE + ASIDE
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

function twoCatalogs(message: string): MediaError {
  return new MediaError('MEDIA_CONFLICT', message, { reason: 'two-catalogs', retryable: false })
}
