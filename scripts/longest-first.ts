import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * What takes longest in its long form, longest first. A fresh clone knows no durations and vitest goes by the size of a
 * file there: the longest, which are a few lines around a kit, would begin last, and each end alone.
 */
const LONGEST: readonly string[] = [
  'e2e/s3/conformance-minio.kit.test.ts',
  'packages/adapters/src/sqlite/conformance.test.ts',
  'e2e/s3/conformance-versitygw.kit.test.ts',
  'packages/adapters/src/sqlite/node-sqlite.test.ts',
  'packages/cli/src/crash.test.ts',
  'packages/adapters/src/postgres/conformance-serializable.long.test.ts',
  'packages/adapters/src/postgres/conformance-raced.long.test.ts',
  'packages/adapters/src/postgres/conformance.test.ts',
  'bench/eviction/eviction.test.ts',
  'e2e/quick-start/page.test.ts',
  'packages/envoy/src/codec/read-check.fuzz.test.ts',
  'packages/envoy/src/ext-authz-server.test.ts',
  'packages/adapters/src/fs/conformance.test.ts',
  'torture/kills/kills.test.ts',
  'e2e/uploads/page.test.ts',
  'e2e/tiers/paid-calls.test.ts',
  'e2e/tiers/failover.test.ts',
  'e2e/tiers/hosts.test.ts',
]

/** Within each group: the longest first, so that at the end all workers have something to do. */
export class LongestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const gone = LONGEST.filter((file) => !existsSync(join(root, file)))
    if (gone.length > 0) throw new Error(`scripts/longest-first.ts names what is no file: ${gone.join(', ')}`)
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.indexOf(relative(root, moduleId).replaceAll('\\', '/'))
      return place === -1 ? LONGEST.length : place
    }
    // The others stay as vitest has them; it makes the groups afterwards, in this order.
    return (await super.sort(specifications)).sort((one, other) => placeOf(one) - placeOf(other))
  }
}
