import { checkArrows } from '../check-arrows.mjs'
import { runNode, runTool } from './run.mjs'

/** The checks that run no product code; each resolves with an exit code and prints what it found. */
export const gates = [
  { name: 'format (biome)', run: () => runTool('@biomejs/biome', ['check', '.'], { bin: 'biome' }) },
  { name: 'types of the sources (tsc -b)', run: () => runTool('typescript', ['-b'], { bin: 'tsc' }) },
  // After tsc: files outside the packages' projects see the packages by their declarations.
  {
    name: 'lint, with types (oxlint)',
    run: () => runTool('oxlint', ['--type-aware', '--deny-warnings'], { bin: 'oxlint' }),
  },
  {
    name: 'types of the tests (tsc)',
    run: () => runTool('typescript', ['-p', 'tsconfig.test.json'], { bin: 'tsc' }),
  },
  { name: 'dependency arrows', run: () => checkArrows() },
  {
    name: 'reference pages are as the sources say',
    run: () => runNode(['scripts/reference.mjs', '--check']),
  },
  { name: 'unused files and dependencies (knip)', run: () => runTool('knip', ['--no-progress']) },
]

export const heading = (name) => console.log(`\n== ${name}`)

/** Runs every gate, also after one failed; resolves with the names of those that did. */
export async function runGates() {
  const failed = []
  for (const gate of gates) {
    heading(gate.name)
    const startedMs = Date.now()
    const code = await gate.run()
    console.log(`${code === 0 ? 'ok' : 'FAILED'} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)`)
    if (code !== 0) failed.push(gate.name)
  }
  return failed
}
