import { bytesSource } from '../bytes/source.ts'
import type { MediaFacts } from '../contracts/media.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import { decideType } from '../validation/decide-type.ts'
import { DEFAULT_POLICIES } from '../validation/policies.ts'
import { sniff } from '../validation/sniff.ts'
import { createInspector, type Inspector } from './index.ts'

export interface Taken {
  readonly declared?: string
  readonly filename?: string
  readonly policies?: readonly MediaPolicy[]
  readonly inspector?: Inspector
}

/** Takes whatever it is: for bodies whose type the usual policies refuse before anybody looks into them. */
export const ANYTHING: readonly MediaPolicy[] = [{ match: '*', allowUnrecognised: true }]

const shared = createInspector()

/** Type and facts of a body that passes every gate between its first byte and its commit; throws what a gate throws. */
export async function take(
  bytes: Uint8Array,
  { declared, filename, policies = DEFAULT_POLICIES, inspector = shared }: Taken = {},
): Promise<MediaFacts & { readonly contentType: string }> {
  const sniffed = await sniff(bytes, true)
  const { contentType, policy } = decideType({ sniffed, declared, filename }, policies)
  const input = { source: bytesSource(bytes), contentType, filename: filename ?? 'file', policy }
  return { contentType, ...(await inspector.inspect(input)) }
}
