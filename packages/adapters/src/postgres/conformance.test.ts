import { describeCatalog } from '@mediakeep/testkit/vitest'
import { postgresHarness } from './testing/harness.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'

await describeOnPostgres('on PostgreSQL', (on) => {
  describeCatalog('postgres catalog', postgresHarness(on.pool()))
})
