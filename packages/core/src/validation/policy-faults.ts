import type { MediaPolicy } from '../contracts/policy.ts'

const COUNTS = ['maxBytes', 'maxPixels', 'maxFrames', 'maxTotalPixels'] as const
const ARCHIVE_COUNTS = ['maxEntries', 'maxTotalBytes', 'maxRatio'] as const

/** What is wrong in policies, one line each: a number that is none would let everything pass, or nothing. */
export function policyFaults(policies: readonly MediaPolicy[]): readonly string[] {
  return policies.flatMap((policy) => {
    const name = `policies: ${policy.match}`
    const faults = COUNTS.flatMap((member) => fault(`${name}.${member}`, policy[member]))
    const { archives } = policy
    if (typeof archives !== 'object') return faults
    return [
      ...faults,
      ...ARCHIVE_COUNTS.flatMap((member) => fault(`${name}.archives.${member}`, archives[member])),
    ]
  })
}

function fault(name: string, value: number | undefined): readonly string[] {
  return value === undefined || value > 0 ? [] : [`${name} must be above 0`]
}
