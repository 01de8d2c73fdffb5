import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './scripts/longest-first.ts'
import { mutateSource } from './torture/harness/mutate.mjs'

// Packages find each other's sources, not their builds: a test never runs yesterday's dist. Others are found as Node finds them:
// what a package keeps under `module` is for bundlers, and need not run.
const resolveSources = {
  ssr: { resolve: { conditions: ['@mediakeep/source', 'node', 'development|production'] } },
}
/** End-to-end tests that ask nothing of the clock: two at a time. */
const patient = ['e2e/**/*.kit.test.ts', 'e2e/{database,inspect,packages,redis}/**/*.test.ts']
/** What watches the clock while servers answer: one at a time, with the machine to itself. */
const timed = ['e2e/gate/{envoy*,many-gates,minio,redis-cluster,redis-faults}.test.ts']
const longForms = process.env['MEDIAKEEP_LONG'] === '1'
/** Tests that are there in the long form alone. */
const long = '**/*.long.test.ts'
/** One more than can run at once: tests wait for disks, servers and timers. */
const workers = availableParallelism() + 1

/** One line of source taken out, for the runs that must notice it (torture/mutations). */
const mutation = process.env['MEDIAKEEP_TEST_MUTATION']
const mutated = mutation === undefined ? {} : { plugins: [mutateSource(mutation)] }

export default defineConfig({
  ...resolveSources,
  test: {
    globalSetup: ['scripts/vitest-setup.mjs'],
    unstubEnvs: true,
    restoreMocks: true,
    sequence: { sequencer: LongestFirst },
    // A floating rejection or an error after the last assertion is a failure, not a note.
    dangerouslyIgnoreUnhandledErrors: false,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.test-d.ts'],
    },
    projects: [
      {
        ...resolveSources,
        ...mutated,
        test: {
          name: 'unit',
          include: [
            'packages/*/src/**/*.test.ts',
            'scripts/**/*.test.mjs',
            'bench/**/*.test.ts',
            'examples/**/*.test.ts',
          ],
          exclude: ['**/node_modules/**', '**/dist/**', ...(longForms ? [] : [long])],
          maxWorkers: workers,
          sequence: { groupOrder: 0 },
          testTimeout: longForms ? 120_000 : 20_000,
          hookTimeout: 30_000,
        },
      },
      {
        ...resolveSources,
        ...mutated,
        test: {
          // What takes minutes and bears company: nothing in it asks how fast the machine is.
          name: 'torture',
          include: ['torture/**/*.test.ts', ...patient],
          exclude: ['**/node_modules/**'],
          maxWorkers: 2,
          // After the unit tests: they take all the processor there is.
          sequence: { groupOrder: 1 },
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...resolveSources,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...patient, ...timed],
          // Servers and browsers of their own, and time enough for each other.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          testTimeout: longForms ? 600_000 : 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...resolveSources,
        test: {
          name: 'timed',
          include: timed,
          exclude: ['**/node_modules/**'],
          // After all others.
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          testTimeout: longForms ? 600_000 : 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
