import { withPrefix } from '@mediakeep/core'
import { withFaults } from '../faults/with-faults.ts'
import { describeObjectStore } from '../vitest.ts'
import { memoryHarness } from './memory-harness.ts'

describeObjectStore('memoryStore', memoryHarness())
describeObjectStore('memoryStore with local files', memoryHarness({ local: true }))
describeObjectStore(
  'withPrefix',
  memoryHarness({ local: true, wrap: (store) => withPrefix(store, 'a/pre%41fix/') }),
)
describeObjectStore(
  'withFaults with an empty plan',
  memoryHarness({ local: true, wrap: (store) => withFaults(store).store }),
)
