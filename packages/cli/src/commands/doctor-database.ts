import { createMediaStore, isMediaError, memoryStore } from '@mediakeep/core'
import type { CommandContext } from './context.ts'

const NOT_THERE = {
  missing: 'no records yet; mediakeep init makes what is missing',
  older: 'of an older release; the next command brings it forward',
  ready: undefined,
} as const

/**
 * The database of the settings: what is there is only looked at; that it keeps records is tried in a schema of its own, which is gone
 * afterwards.
 * @returns the number of faults
 */
export async function checkDatabase({ output }: CommandContext, connectionString: string): Promise<number> {
  try {
    const { lookAtPostgresCatalog, withScratchCatalog } = await import('@mediakeep/adapters/postgres')
    const note = NOT_THERE[await lookAtPostgresCatalog({ connectionString })]
    await withScratchCatalog({ connectionString }, async (catalog) => {
      await using store = await createMediaStore({
        tiers: [{ name: 'memory', store: memoryStore() }],
        catalog,
        upkeep: { intervalMs: 0 },
      })
      const media = await store.put(Buffer.from('doctor'), { filename: 'doctor.txt' })
      await using reader = await store.open(media.id)
      await reader.bytes({ maxBytes: 100 })
      await store.delete(media.id)
    })
    await output.item(
      { check: 'database', ok: true, ...(note === undefined ? {} : { note }) },
      `ok      the database keeps records${note === undefined ? '' : `: ${note}`}`,
    )
    return 0
  } catch (error) {
    if (!isMediaError(error)) throw error
    if (error.reason === 'catalog-not-writable') {
      // Enough for all other commands once the schema is there.
      await output.item(
        { check: 'database', ok: true, note: 'not tried: the user may not make a schema' },
        'note    the database can be reached; that it keeps records was not tried, its user may not make a schema',
      )
      return 0
    }
    await output.item(
      { check: 'database', ok: false, error: error.message },
      `FAILED  the database: ${error.message}`,
    )
    return 1
  }
}
