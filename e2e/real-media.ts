import { describe } from 'vitest'
import { missingToolsReason } from '../scripts/fixtures.mjs'

const reason = missingToolsReason()
if (reason !== undefined && process.env['CI'] !== 'true') console.warn(`skipped: ${reason}`)

/** `describe` for what needs real media: without the tools it is skipped, with a printed reason; never in CI. */
export const describeWithMedia: typeof describe.skip =
  reason === undefined || process.env['CI'] === 'true' ? describe : describe.skip
