import { describe } from 'vitest'

/** Tests that are skipped, with the reason printed, where something they need is missing. With CI=true they run, and fail. */
export function describeUnless(missing: string | undefined, title: string, tests: () => void): void {
  if (missing !== undefined) console.log(`${title}: skipped: ${missing}`)
  describe.skipIf(missing !== undefined && process.env['CI'] !== 'true')(title, () => {
    tests()
  })
}
