import type { Plan } from './plan.ts'

/**
 * The plan with as few operations as still fail: halves, quarters and so on are left out, one after the other,
 * as long as `fails` says so of the rest. Gives up after `maxTries`.
 */
export async function shrink(
  plan: Plan,
  fails: (plan: Plan) => Promise<boolean>,
  maxTries: number,
): Promise<Plan> {
  let { operations } = plan
  let tries = 0
  for (let size = Math.ceil(operations.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < operations.length && tries < maxTries; ) {
      const fewer = [...operations.slice(0, at), ...operations.slice(at + size)]
      tries++
      if (await fails({ ...plan, operations: fewer })) operations = fewer
      else at += size
    }
  }
  return { ...plan, operations }
}
