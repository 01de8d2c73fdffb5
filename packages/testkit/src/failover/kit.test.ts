import {
  createMemoryVolume,
  failoverStore,
  MediaError,
  type MemoryStore,
  memoryStore,
  type ObjectStore,
  systemClock,
} from '@mediakeep/core'
import { injectedError } from '../faults/plan.ts'
import { withFaults } from '../faults/with-faults.ts'
import type { ObjectStoreHarness } from '../object-store/harness.ts'
import { describeObjectStore } from '../vitest.ts'

const NAMES = ['a', 'b', 'c']
const MAX_BYTES = 256 * 1024 * 1024
/** The kit's outage ends, and its purge must find the members. */
const patient = { consecutiveFailures: 10_000, minFailures: 10_000 }

/** Three members over volumes of their own; `fullOnes` take nothing, so that every put lands behind them. */
function harness(fullOnes: number, listOrder: 'key' | 'none' = 'key'): ObjectStoreHarness {
  return {
    async create() {
      const volumes = NAMES.map(() => createMemoryVolume({ maxBytes: MAX_BYTES, clock: systemClock }))
      const opened: MemoryStore[] = []
      let isBroken = false
      const open = (): ObjectStore =>
        failoverStore(
          volumes.map((volume, rank) => {
            const memory = memoryStore({ volume, name: NAMES[rank] ?? '' })
            opened.push(memory)
            // A condition is decided by the preferred member alone, which has no room here.
            const conditionalPut = fullOnes > 0 ? 'ignored' : 'enforced'
            const member = { ...memory, traits: { ...memory.traits, conditionalPut, listOrder } as const }
            return withFaults(member, (name) => {
              if (isBroken && name !== 'close')
                return { type: 'fail', at: 'before', error: injectedError(name) }
              if (name === 'put' && rank < fullOnes) return { type: 'fail', at: 'before', error: full() }
              return undefined
            }).store
          }),
          { circuit: patient },
        )
      return {
        store: open(),
        second: async () => open(),
        openHandles: () => opened.reduce((sum, memory) => sum + memory.openCount, 0),
        outage: {
          begin: async () => void (isBroken = true),
          end: async () => void (isBroken = false),
        },
        leftovers: async () =>
          volumes.flatMap(({ usedBytes }) =>
            usedBytes === 0 ? [] : [`${usedBytes} bytes without an object`],
          ),
        cleanup: async () => {},
      }
    },
  }
}

function full(): MediaError {
  return new MediaError('MEDIA_NO_SPACE', 'no room')
}

describeObjectStore('failoverStore', harness(0))
// The other two differ in where a put lands; both are in the third.
if (process.env['MEDIAKEEP_LONG'] === '1')
  describeObjectStore('failoverStore whose preferred member is full', harness(1))
describeObjectStore('failoverStore of members that list in no order', harness(1, 'none'))
