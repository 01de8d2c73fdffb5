import type { JsonObject } from '../contracts/bytes.ts'
import type { LinkTarget, MediaChange, Visibility } from '../contracts/media.ts'

/** What a change may touch. `filename` is the one of the content that serves. */
export interface ChangeableFields {
  readonly key?: string
  readonly filename: string
  readonly owner: string
  readonly visibility: Visibility
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  readonly links: readonly LinkTarget[]
}

/** The fields after a change: absent members stay, `key: null` takes the key away, tags and links lose repeats. */
export function applyChange(fields: ChangeableFields, change: MediaChange): ChangeableFields {
  const key = change.key === undefined ? fields.key : (change.key ?? undefined)
  return {
    ...(key === undefined ? {} : { key }),
    filename: change.filename ?? fields.filename,
    owner: change.owner ?? fields.owner,
    visibility: change.visibility ?? fields.visibility,
    tags: change.tags === undefined ? fields.tags : distinctTags(change.tags),
    metadata: change.metadata ?? fields.metadata,
    links: change.links === undefined ? fields.links : distinctLinks(change.links),
  }
}

/** Tags without repeats, first ones first. */
export function distinctTags(tags: readonly string[]): readonly string[] {
  return [...new Set(tags)]
}

/** Links without repeats, first ones first. */
export function distinctLinks(links: readonly LinkTarget[]): readonly LinkTarget[] {
  const kept: LinkTarget[] = []
  const seen = new Set<string>()
  for (const { kind, target } of links) {
    const identity = `${kind.length}:${kind}:${target}`
    if (seen.has(identity)) continue
    seen.add(identity)
    kept.push({ kind, target })
  }
  return kept
}
