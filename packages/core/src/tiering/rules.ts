import type { PlacementMatch, PlacementRule } from '../contracts/tiering.ts'

/** What is known of a body or a media when its place is chosen; what is not known yet matches no condition about it. */
export interface PlacementFacts {
  readonly namespace: string
  readonly owner: string
  readonly contentType: string | undefined
  readonly sizeBytes: number | undefined
  /** Milliseconds since it was created: 0 for a new body. */
  readonly ageMs: number
  /** Its room is still to be reserved: volumes that are known to have too little come last. Default false. */
  readonly needsRoom?: boolean
  /** Every tier is asked, also behind one that takes it. Default false. */
  readonly isComplete?: boolean
}

/** The first rule that matches. */
export function ruleFor(rules: readonly PlacementRule[], facts: PlacementFacts): PlacementRule | undefined {
  return rules.find(({ match }) => matches(match, facts))
}

/** Tells at which age, in milliseconds, a media has to leave the tiers that serve; `undefined` where no rule of age says so. */
export function leavesAtAge(
  rules: readonly PlacementRule[],
  facts: Omit<PlacementFacts, 'ageMs' | 'isComplete'>,
  tiers: { readonly serving: ReadonlySet<string>; readonly held: ReadonlySet<string> },
): number | undefined {
  const ages = rules.flatMap(({ match: { olderThanMs } }) =>
    olderThanMs === undefined ? [] : [olderThanMs + 1],
  )
  for (const ageMs of ages.sort((a, b) => a - b)) {
    const rule = ruleFor(rules, { ...facts, ageMs })
    if (rule === undefined || rule.tiers.some((tier) => tiers.serving.has(tier))) continue
    // What has a copy there already is in its place: the one that serves stays, as long as there is room.
    return rule.tiers.some((tier) => tiers.held.has(tier)) ? undefined : ageMs
  }
  return undefined
}

function matches(match: PlacementMatch, facts: PlacementFacts): boolean {
  const { sizeBytes, contentType } = facts
  if (match.namespace !== undefined && match.namespace !== facts.namespace) return false
  if (match.owner !== undefined && match.owner !== facts.owner) return false
  if (match.olderThanMs !== undefined && facts.ageMs <= match.olderThanMs) return false
  if (match.contentType !== undefined && !isOfType(match.contentType, contentType)) return false
  if (match.minBytes !== undefined && !(sizeBytes !== undefined && sizeBytes >= match.minBytes)) return false
  if (match.maxBytes !== undefined && !(sizeBytes !== undefined && sizeBytes <= match.maxBytes)) return false
  return true
}

function isOfType(pattern: string, contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const wanted = pattern.toLowerCase()
  return wanted.endsWith('/*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted
}

/** What is wrong with rules, each named. */
export function ruleFaults(rules: readonly PlacementRule[], homeTiers: readonly string[]): string[] {
  const faults: string[] = []
  const names = new Set<string>()
  for (const { name, match, tiers } of rules) {
    if (names.has(name)) faults.push(`tiering.rules: "${name}" is there twice`)
    names.add(name)
    if (tiers.length === 0) faults.push(`tiering.rules: "${name}" names no tier`)
    for (const tier of tiers)
      if (!homeTiers.includes(tier))
        faults.push(`tiering.rules: "${name}" names ${tier}, which is no home tier`)
    for (const member of ['minBytes', 'maxBytes', 'olderThanMs'] as const) {
      const value = match[member]
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
        faults.push(`tiering.rules: "${name}" has a ${member} that is no whole number of at least 0`)
    }
    if (match.contentType !== undefined && !/^[^/\s]+\/[^/\s]+$/.test(match.contentType))
      faults.push(`tiering.rules: "${name}" has a contentType that is no type`)
  }
  return faults
}
