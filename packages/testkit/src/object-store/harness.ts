import { isMediaError, type ObjectStore } from '@mediakeep/core'
import type { Conformance, Waiver } from '../conformance/case.ts'
import { objectStoreCases } from './cases.ts'
import { createObjectStoreContext, type ObjectStoreContext } from './context.ts'
import type { ObjectStoreFixture } from './fixture.ts'
import { countOpenFiles, waitUntil } from './open-files.ts'

/** Longest time for one case on a local backend; a live one says its own. */
const CASE_TIMEOUT_MS = 20_000

/** How the kit gets at a backend: give it to `describeObjectStore`, or to `objectStoreConformance` and a runner of your own. */
export interface ObjectStoreHarness {
  /** An empty backend (or an empty prefix of a live one) for one case, with its store opened. */
  create(): Promise<ObjectStoreFixture>
  readonly waivers?: readonly Waiver[]
  /** Default 20 s. */
  readonly timeoutMs?: number
}

/**
 * Members and traits that cases may need:
 * the optional members by name, and `partials` of `staging`; `second` and `outage` where the fixture has them;
 * `conditional-put`, `list-order` and `size-limit` by trait.
 */
export function capabilitiesOf(fixture: ObjectStoreFixture): ReadonlySet<string> {
  const { store } = fixture
  const found = new Set<string>()
  for (const member of [
    'open',
    'identity',
    'presign',
    'directParts',
    'createWriter',
    'adopt',
    'localPath',
    'openFile',
    'staging',
    'journal',
  ] as const) {
    if (store[member] !== undefined) found.add(member)
  }
  if (store.staging?.partials !== undefined) found.add('partials')
  if (fixture.second !== undefined) found.add('second')
  if (fixture.outage !== undefined) found.add('outage')
  if (store.traits.conditionalPut === 'enforced') found.add('conditional-put')
  if (store.traits.listOrder === 'key') found.add('list-order')
  if (store.traits.maxObjectBytes < Number.MAX_SAFE_INTEGER) found.add('size-limit')
  return found
}

/** The cases of `ObjectStore` bound to one backend. */
export function objectStoreConformance(harness: ObjectStoreHarness): Conformance<ObjectStoreContext> {
  return {
    cases: objectStoreCases,
    waivers: harness.waivers ?? [],
    timeoutMs: harness.timeoutMs ?? CASE_TIMEOUT_MS,
    async capabilities() {
      const fixture = await harness.create()
      try {
        return capabilitiesOf(fixture)
      } finally {
        await fixture.store.close()
        await fixture.cleanup()
      }
    },
    async open() {
      const fixture = await harness.create()
      const openHandles = async (): Promise<number> =>
        (await fixture.openHandles?.()) ?? countOpenFiles(fixture.directory)
      const handlesAtStart = await openHandles()
      const { context, mend, freeScratch } = createObjectStoreContext(fixture, openHandles)
      return {
        context,
        async leftovers() {
          const faults: string[] = []
          await mend()
          await context.closeSeconds()
          if (!(await waitUntil(async () => (await openHandles()) <= handlesAtStart))) {
            faults.push(`${(await openHandles()) - handlesAtStart} open handles before close`)
          }
          if (!(await isClosed(fixture.store))) {
            const stagedBytes = fixture.store.staging?.usedBytes ?? 0
            if (stagedBytes !== 0) faults.push(`${stagedBytes} bytes in staging`)
            faults.push(...(await purge(fixture.store)))
          } else if (fixture.second !== undefined) {
            const other = await fixture.second()
            faults.push(...(await purge(other)))
            await other.close()
          } else return faults // its objects are still there, and nobody can delete them
          faults.push(...((await fixture.leftovers?.()) ?? []))
          await fixture.store.close()
          return faults
        },
        async cleanup() {
          await mend()
          await context.closeSeconds()
          await fixture.store.close()
          await freeScratch()
          await fixture.cleanup()
        },
      }
    },
  }
}

async function isClosed(store: ObjectStore): Promise<boolean> {
  try {
    await store.list({ limit: 1 })
    return false
  } catch (error) {
    if (isMediaError(error, 'MEDIA_CLOSED')) return true
    throw error
  }
}

/** Deletes all objects through the store and says what would not go. */
async function purge(store: ObjectStore): Promise<readonly string[]> {
  const faults: string[] = []
  for (let cursor: string | undefined, pages = 0; pages < 100; pages++) {
    const page = await store.list(cursor === undefined ? {} : { cursor })
    const results = await store.deleteMany(page.objects.map((object) => object.key))
    for (const { key, error } of results)
      if (error !== undefined) faults.push(`${JSON.stringify(key)} cannot be deleted: ${error.message}`)
    cursor = page.cursor
    if (cursor === undefined) break
  }
  const rest = await store.list({ limit: 5 })
  for (const object of rest.objects) faults.push(`the object ${JSON.stringify(object.key)}`)
  return faults
}

export type { ObjectStoreFixture }
