import { describe } from 'vitest'
import { itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { soak } from './soak.ts'

describe('soak', () => {
  useBundledPrograms()
  itBreaksNothing(soak, { short: 400, long: 3_000 })
})
