import type { OpenConnectionOptions, SqliteConnection, SqliteDriver } from '../driver.ts'
import { catalogError, isBusy } from '../errors.ts'

/** Pages of the write-ahead log that start a checkpoint: 16 MiB, so that a burst of puts is not stopped by one. */
const CHECKPOINT_PAGES = 4_000

/** Pages each connection keeps, in KiB: the same on both drivers, whose defaults differ eightfold. */
const CACHE_KIB = 32 * 1024

/** Opens the file with the settings that every connection needs. */
export function connect(
  driver: SqliteDriver,
  file: string,
  options: OpenConnectionOptions,
): SqliteConnection {
  const connection = driver.open(file, options)
  try {
    // Statement journals and sorts never touch a disk: nothing of ours lies in a temporary folder.
    connection.exec(`PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIB}`)
    if (!options.readOnly)
      connection.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    return connection
  } catch (error) {
    connection.close()
    throw catalogError('open', error)
  }
}

/**
 * Runs `act` again while another process holds a lock. SQLite waits by itself for most locks;
 * switching to the write-ahead log and recovering it after a crash are refused at once. Blocks: for worker threads only.
 */
export function retryWhileBusy<T>(busyMs: number, act: () => T): T {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const endsAt = performance.now() + busyMs
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
    try {
      return act()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= endsAt) throw error
      Atomics.wait(pause, 0, 0, waitMs)
    }
  }
}
