import { describe } from 'vitest'
import { itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { crowd } from './crowd-part.ts'

// That it can convict is shown by torture/controls.
describe('crowd', () => {
  useBundledPrograms()
  itBreaksNothing(crowd, { short: 8, long: 40 })
})
