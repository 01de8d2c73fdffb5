import type { Subject } from '../subjects/subject.ts'
import { hashOf, hashOfBody } from '../writers/bodies.ts'
import type { Outcome, Told } from '../writers/journal.ts'

/**
 * Every acknowledged put reads back with its bytes, and every acknowledged delete stays deleted.
 * @returns what is not so
 */
export async function checkKept(subject: Pick<Subject, 'get'>, told: Told): Promise<readonly string[]> {
  const broken: string[] = [...told.faults]
  for (const [key, outcomes] of told.outcomes) {
    const fault = await checkKey(subject, key, outcomes)
    if (fault !== undefined) broken.push(fault)
  }
  return broken
}

async function checkKey(
  subject: Pick<Subject, 'get'>,
  key: string,
  outcomes: ReadonlySet<Outcome>,
): Promise<string | undefined> {
  let bytes: Uint8Array | undefined
  try {
    bytes = await subject.get(key)
  } catch (error) {
    return `lost: ${key} cannot be read: ${String(error)}`
  }
  if (bytes === undefined) return outcomes.has('absent') ? undefined : `lost: ${key} is not there`
  const hash = hashOf(bytes)
  for (const outcome of outcomes) if (outcome !== 'absent' && hashOfBody(outcome) === hash) return undefined
  const expected = [...outcomes].map((outcome) => (outcome === 'absent' ? outcome : `body ${outcome}`))
  return `wrong: ${key} has ${bytes.byteLength} other bytes, expected ${expected.join(' or ')}`
}
