import { expect, test } from 'vitest'
import { DEFAULT_POLICIES } from './policies.ts'
import { policyFaults } from './policy-faults.ts'

test('the usual policies, and those without end, have no fault', () => {
  expect(policyFaults(DEFAULT_POLICIES)).toEqual([])
  expect(policyFaults([{ match: '*', maxPixels: Number.POSITIVE_INFINITY, archives: 'unchecked' }])).toEqual(
    [],
  )
})

test('every number that is none is told, also within the limits of archives', () => {
  expect(
    policyFaults([
      { match: 'image/*', maxPixels: Number.NaN, maxFrames: 0 },
      { match: 'application/zip', archives: { maxRatio: -1 } },
    ]),
  ).toEqual([
    'policies: image/*.maxPixels must be above 0',
    'policies: image/*.maxFrames must be above 0',
    'policies: application/zip.archives.maxRatio must be above 0',
  ])
})
