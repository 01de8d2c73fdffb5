import { describeCatalog } from '../vitest.ts'
import { memoryCatalogHarness } from './memory-harness.ts'

describeCatalog('memoryCatalog', memoryCatalogHarness())
