import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CatalogHarness } from '@mediakeep/testkit'
import { describeCatalog } from '@mediakeep/testkit/vitest'
import { loadDriver } from './driver.ts'
import { sqliteCatalog } from './index.ts'

/** In memory where the machine offers it. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

function harness({
  folder: parent = tmpdir(),
  ...options
}: {
  readonly folder?: string
  readonly groupCommit?: boolean
  readonly lists?: 'auto' | 'thread' | 'process'
}): CatalogHarness {
  return {
    clock: 'fake',
    persists: true,
    async create() {
      const folder = await mkdtemp(join(parent, 'mediakeep-sqlite-'))
      const file = join(folder, 'catalog.db')
      let offsetMs = 0
      const clock = { now: () => Date.now() + offsetMs }
      const open = () => sqliteCatalog({ file, clock, driver: 'better-sqlite3', ...options })
      return {
        catalog: open(),
        again: open,
        async advance(ms) {
          offsetMs += ms
        },
        async loseMarks() {
          const driver = await loadDriver('better-sqlite3')
          const connection = driver.open(file, { readOnly: false, busyMs: 5_000 })
          connection.exec("UPDATE blobs SET state = 'live', condemnedAt = NULL")
          connection.close()
        },
        // The log and its index are folded in when the last handle closes; the reserve stays for the next opening.
        async leftovers() {
          return (await readdir(folder)).filter(
            (name) => !['catalog.db', 'catalog.db-reserve'].includes(name),
          )
        },
        async cleanup() {
          if (existsSync(folder)) await rm(folder, { recursive: true })
        },
      }
    },
  }
}

describeCatalog('sqlite catalog on better-sqlite3', harness({ lists: 'thread' }))
// With a commit for each call, waits for the disk are most of its time: the first kit and the tests of crashes have it.
describeCatalog(
  'sqlite catalog without group commit, lists in process',
  harness({ folder: MEMORY, groupCommit: false, lists: 'process' }),
)
