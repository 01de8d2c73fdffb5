import type { ConformanceCase } from '../conformance/case.ts'
import { putCases } from './cases/put.ts'
import type { ObjectStoreContext } from './context.ts'

export type ObjectStoreCase = ConformanceCase<ObjectStoreContext>

/** Every promise of `ObjectStore`, as data. */
export const objectStoreCases: readonly ObjectStoreCase[] = [...putCases]
