import { describe } from 'vitest'
import { itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { aborts } from './aborts.ts'

describe('aborts', () => {
  useBundledPrograms()
  itBreaksNothing(aborts, { short: 40, long: 200 })
})
