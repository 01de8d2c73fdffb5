import { describeWhereAvailable, itBreaksNothing, useBundledPrograms } from '../harness/short-form.ts'
import { smallDisk } from './small-disk.ts'

const describeHere = await describeWhereAvailable(smallDisk)

// That it can convict was shown on a catalog without a reserve: packages/adapters/src/sqlite/threads/full-disk.test.ts.
describeHere('small-disk', () => {
  useBundledPrograms()
  itBreaksNothing(smallDisk, { short: 4, long: 16 })
})
