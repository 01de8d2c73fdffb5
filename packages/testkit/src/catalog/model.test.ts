import { memoryCatalog } from '@mediakeep/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { VOLUMES } from './context.ts'
import { type CatalogStep, catalogWalk, walkCatalog } from './model.ts'

const RUNS = process.env['MEDIAKEEP_LONG'] === '1' ? 3_000 : 150

const small = (maxExclusive: number) => fc.integer({ min: 0, max: maxExclusive - 1 })
const record = small(20)
const anyStep: fc.Arbitrary<CatalogStep> = fc.oneof(
  fc.record(
    {
      type: fc.constant('put' as const),
      key: small(4),
      bytes: small(4),
      tag: small(3),
      when: fc.constantFrom('absent' as const, 'exists' as const),
    },
    { requiredKeys: ['type', 'bytes', 'tag'] },
  ),
  fc.record({ type: fc.constant('replace' as const), record, bytes: small(4), staleRevision: fc.boolean() }),
  fc.record({ type: fc.constant('rename' as const), record, key: fc.option(small(4)) }),
  fc.record({ type: fc.constant('retag' as const), record, tag: small(3), staleRevision: fc.boolean() }),
  fc.record({ type: fc.constantFrom('link' as const, 'unlink' as const), record, target: small(3) }),
  fc.record({ type: fc.constant('delete' as const), record }),
  fc.record({ type: fc.constant('stage' as const), bytes: small(4) }),
  fc.record({ type: fc.constantFrom('abandon' as const, 'collect' as const) }),
)

async function walkInMemory(steps: readonly CatalogStep[]): Promise<void> {
  const clock = fakeClock()
  const catalog = memoryCatalog({ clock })
  await catalog.open()
  for (const volume of VOLUMES) await catalog.registerVolume(volume)
  await walkCatalog(catalog, async (ms) => clock.advance(ms), steps)
}

test('the catalog in memory goes as the model does, whatever the steps', async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), walkInMemory), { numRuns: RUNS })
})

test('a walk is the same for the same seed', () => {
  expect(catalogWalk(5, 50)).toEqual(catalogWalk(5, 50))
  expect(catalogWalk(5, 50)).not.toEqual(catalogWalk(6, 50))
})
