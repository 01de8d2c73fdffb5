import { describeWhereAvailable, itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { power } from './part.ts'

const describeHere = await describeWhereAvailable(power)

// That it can convict is shown by torture/controls, which cuts the power of other stores in the same way.
describeHere('power', () => {
  useBundledPrograms()
  itBreaksNothing(power, { short: 4, long: 20 })
})
