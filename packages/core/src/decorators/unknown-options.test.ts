import { describe, expect, it } from 'vitest'
import { failoverStore } from '../failover/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { withCircuitBreaker, withLimit, withMeter, withRetry } from './index.ts'

/** Options as plain JavaScript may give them. */
const loose = (value: object) => value as never

describe('options that a decorator does not take', () => {
  const made: Readonly<Record<string, () => unknown>> = {
    withLimit: () => withLimit(memoryStore(), loose({ maxConcurrent: 1, maxQueue: 1 })),
    withRetry: () => withRetry(memoryStore(), loose({ attempts: 9 })),
    withMeter: () => withMeter(memoryStore(), loose({ onattempt: () => undefined })),
    withCircuitBreaker: () => withCircuitBreaker(memoryStore(), loose({ failures: 1 })),
    failoverStore: () => failoverStore([memoryStore()], loose({ maxOwe: 1 })),
    'withCircuitBreaker of a member': () => failoverStore([memoryStore()], loose({ circuit: { openMS: 1 } })),
  }
  for (const [name, make] of Object.entries(made))
    it(`are refused by ${name}`, () => {
      expect(make).toThrow(
        expect.objectContaining({
          code: 'MEDIA_BAD_INPUT',
          reason: 'unknown-option',
          message: expect.stringContaining(`${name.split(' ')[0]} has no option "`),
        }),
      )
    })
})
