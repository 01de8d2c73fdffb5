import { describeRaced } from './testing/raced.fixture.ts'
import { describeOnPostgres } from './testing/server.fixture.ts'

await describeOnPostgres('on PostgreSQL', (on) => {
  describeRaced('postgres catalog, serializable, others come between', on, { isolation: 'serializable' })
})
