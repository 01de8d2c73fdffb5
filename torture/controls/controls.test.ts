import { describeWhereAvailable, itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { controls } from './controls.ts'

const describeHere = await describeWhereAvailable(controls)

describeHere('controls', () => {
  useBundledPrograms()
  itBreaksNothing(controls, { short: 6, long: 12 })
})
