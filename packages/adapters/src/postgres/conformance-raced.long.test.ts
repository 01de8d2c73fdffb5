import { describeRaced } from './testing/raced.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'

// Takes minutes; that each statement of the common calls is run again, the tests of faults show.
await describeOnPostgres('on PostgreSQL', (on) => {
  describeRaced('postgres catalog, others come between every second transaction', on)
})
