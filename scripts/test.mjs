// npm test: sets up, runs the static gates and every test, and ends with one line: N passed, N failed.
// With CI=true the long forms run too and a skipped test is a failure. `npm test -- FILTER` runs matching tests alone.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { attackRows } from './lib/attack-rows.mjs'
import { gates, heading, runGates } from './lib/gates.mjs'
import { main } from './lib/main.mjs'
import { rootFolder } from './lib/root.mjs'
import { runTool } from './lib/run.mjs'
import { setUp } from './lib/setup.mjs'

const isCi = process.env.CI === 'true'
const reportFile = join(rootFolder, 'node_modules/.cache/mediakeep/vitest.json')

/** Runs vitest; the report counts tests, and a file that could not even be loaded as one failed test. */
async function runVitest(filters) {
  mkdirSync(dirname(reportFile), { recursive: true })
  rmSync(reportFile, { force: true })
  const code = await runTool(
    'vitest',
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...filters],
    { env: isCi ? { MEDIAKEEP_LONG: '1' } : {} },
  )
  return countTests(code)
}

function countTests(code) {
  let report
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8'))
  } catch {
    return { passed: 0, failed: 1, skipped: [], attacks: undefined }
  }
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  // A file that could not be loaded, or whose beforeAll threw, fails without a failed test in it.
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  const failed = tests.filter((test) => test.status === 'failed').length + unloaded.length
  return {
    passed: tests.filter((test) => test.status === 'passed').length,
    // An error outside any test fails the run without failing a test.
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: tests.filter((test) => !['passed', 'failed'].includes(test.status)).map((test) => test.fullName),
    attacks: attackRows(tests),
  }
}

await main(async () => {
  const filters = process.argv.slice(2)
  heading('set-up')
  await setUp({ declarations: false })
  const failedGates = filters.length === 0 ? await runGates() : []
  const passedGates = filters.length === 0 ? gates.length - failedGates.length : 0
  heading('tests (vitest)')
  const tests = await runVitest(filters)
  if (tests.skipped.length > 0) {
    console.log(`skipped${isCi ? ', which CI does not allow' : ''}:\n  ${tests.skipped.join('\n  ')}`)
  }
  if (tests.attacks !== undefined) console.log(tests.attacks)
  if (failedGates.length > 0) console.log(`failed gates: ${failedGates.join(', ')}`)
  const failed = failedGates.length + tests.failed + (isCi ? tests.skipped.length : 0)
  console.log(`\n${passedGates + tests.passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
})
