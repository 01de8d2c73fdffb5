import type { GarbagePlan } from '@mediakeep/core'
import { type CatalogMutant, type Mutation, mutant, withMembers } from './mutant.ts'

const plans =
  (change: (plan: GarbagePlan, graceMs: number) => GarbagePlan): Mutation =>
  (inner) =>
    withMembers(inner, {
      planGarbage: async ({ graceMs }) => change(await inner.planGarbage({ graceMs }), graceMs),
    })

/** Faults of the plan and of rechecking. */
export const planMutants: readonly CatalogMutant[] = [
  mutant(
    'plan.always-media',
    'the plan says that there are records where there is none',
    ['plan.nothing'],
    plans((plan) => ({ ...plan, hasMedia: true })),
  ),
  mutant(
    'plan.no-condemnable',
    'the plan without grace forgets what would be condemned',
    ['plan.no-grace'],
    plans((plan, graceMs) =>
      graceMs === 0 ? { ...plan, freeableObjects: plan.freeableObjects - plan.condemnable } : plan,
    ),
  ),
  mutant('plan.no-grace', 'the plan leaves the grace out', ['plan.exact', 'plan.waiting'], (inner) =>
    withMembers(inner, { planGarbage: () => inner.planGarbage({ graceMs: 0 }) }),
  ),
  mutant(
    'plan.waiting-twice',
    'the plan counts what leaves and is condemned twice',
    ['plan.waiting', 'orphans.counted'],
    (inner, tables) =>
      withMembers(inner, {
        async planGarbage(options) {
          const plan = await inner.planGarbage(options)
          return { ...plan, waitingObjects: plan.waitingObjects + tables.leaving.size }
        },
      }),
  ),
  mutant(
    'plan.bad-go',
    'the plan counts bad placements as garbage though their blob is in use',
    ['plan.exact'],
    (inner, tables) =>
      withMembers(inner, {
        async planGarbage(options) {
          const plan = await inner.planGarbage(options)
          const bad = [...tables.placements.values()].filter(({ state }) => state === 'bad')
          return { ...plan, freeableObjects: plan.freeableObjects + bad.length }
        },
      }),
  ),
  mutant('plan.condemns', 'planning condemns', ['plan.changes-nothing'], (inner) =>
    withMembers(inner, {
      async planGarbage(options) {
        const plan = await inner.planGarbage(options)
        await inner.condemn({ limit: 1_000 })
        return plan
      },
    }),
  ),
  mutant('recheck.looks-away', 'recheckBlobs() trusts the marks', ['recheck.finds'], (inner, tables) =>
    withMembers(inner, {
      async recheckBlobs(options) {
        const known = new Set(tables.unreferenced)
        const page = await inner.recheckBlobs(options)
        for (const blob of tables.unreferenced) if (!known.has(blob)) tables.unreferenced.delete(blob)
        return { ...page, found: 0 }
      },
    }),
  ),
  mutant(
    'recheck.no-pins',
    'recheckBlobs() forgets what sessions need',
    ['recheck.spares'],
    (inner, tables) =>
      withMembers(inner, {
        async recheckBlobs(options) {
          const page = await inner.recheckBlobs(options)
          for (const blob of tables.blobs.values())
            if (blob.contents.size === 0) tables.unreferenced.add(blob)
          return page
        },
      }),
  ),
  mutant('recheck.anew', 'recheckBlobs() starts the grace anew', ['recheck.keeps-grace'], (inner, tables) =>
    withMembers(inner, {
      async recheckBlobs(options) {
        for (const blob of tables.unreferenced) blob.condemnedAtMs = undefined
        return inner.recheckBlobs(options)
      },
    }),
  ),
  mutant('recheck.first-page', 'recheckBlobs() stops after one page', ['recheck.walks'], (inner) =>
    withMembers(inner, {
      async recheckBlobs(options) {
        const { cursor: _cursor, ...page } = await inner.recheckBlobs(options)
        return page
      },
    }),
  ),
  mutant('recheck.no-limit', 'recheckBlobs() looks at all blobs in one call', ['recheck.walks'], (inner) =>
    withMembers(inner, { recheckBlobs: (options) => inner.recheckBlobs({ ...options, limit: 1_000 }) }),
  ),
  mutant('recheck.again', 'recheckBlobs() begins again at each call', ['recheck.walks'], (inner) =>
    withMembers(inner, { recheckBlobs: ({ limit }) => inner.recheckBlobs({ limit }) }),
  ),
]
