import { catalogConformance } from '@mediakeep/testkit'
import { describeCatalog, describeConformance } from '@mediakeep/testkit/vitest'
import { type PostgresHarnessOptions, postgresHarness } from './testing/harness.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'
import { onWire, raising, type WireHooks } from './testing/wire.fixture.ts'

/** Every other transaction fails once, at a place that moves on: at its beginning, any of its statements, its COMMIT. */
function racing(): WireHooks {
  const PLACES = 24
  return {
    statement(text, _values, nth, attempt) {
      const place = (attempt >> 1) % PLACES
      const isHere = nth === place || (place >= PLACES / 2 && text === 'COMMIT')
      return attempt % 2 === 0 && isHere ? raising('40001') : undefined
    },
  }
}

await describeOnPostgres('on PostgreSQL', (on) => {
  const pool = on.pool()
  const isLong = process.env['MEDIAKEEP_LONG'] === '1'
  const describeRacing = (name: string, options: PostgresHarnessOptions): void => {
    const conformance = catalogConformance(
      postgresHarness(pool, { ...options, around: (inner) => onWire(inner, racing()) }),
    )
    // Lists are one statement each; filling them is what takes long.
    const cases = conformance.cases.filter(({ id }) => !/^(list|linked|search)\./.test(id))
    describeConformance(name, { ...conformance, cases })
  }

  describeCatalog('postgres catalog', postgresHarness(pool))
  // The same again takes minutes; that each statement of the common calls is run again, the tests of faults show.
  if (!isLong) return
  describeRacing('postgres catalog, others come between every second transaction', {})
  describeRacing('postgres catalog, serializable, others come between', { isolation: 'serializable' })
})
