import { type Conformance, runConformance } from '@mediakeep/testkit'
import type { CommandContext } from './context.ts'

/** Puts a backend through the cases of its kit, and tells those that it fails. @returns their number */
export async function runKit<Context>(
  context: Pick<CommandContext, 'output' | 'signal'>,
  conformance: Conformance<Context>,
): Promise<number> {
  const { output, signal } = context
  const counts = { passed: 0, failed: 0, skipped: 0, waived: 0 }
  for await (const result of runConformance(conformance)) {
    signal.throwIfAborted()
    counts[result.outcome]++
    const line = {
      check: result.id,
      claim: result.claim,
      outcome: result.outcome,
      ...(result.error === undefined ? {} : { error: result.error.message }),
    }
    if (result.outcome === 'failed')
      await output.fault(line, `FAILED  ${result.claim}: ${result.error?.message ?? ''}`)
    else if (output.json) await output.item(line, '')
  }
  await output.item(
    { check: 'conformance', ok: counts.failed === 0, ...counts },
    `${counts.failed === 0 ? 'ok     ' : 'FAILED '} conformance: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} do not apply`,
  )
  return counts.failed
}
