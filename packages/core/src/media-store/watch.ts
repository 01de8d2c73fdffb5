import { createHash } from 'node:crypto'
import type { MediaRef } from '../contracts/media.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { ResourceStates } from '../contracts/resource-states.ts'

/*
 * Changes of records travel by the same messages as changes of states: `invalidate` of a name that nobody ever claims. They make
 * others ask again sooner; what is true is in the catalog, so that one that is lost costs no more than the life of an answer.
 */

/** The name of what a reference asks for: short and printable whatever the key is. */
export function nameOf(namespace: string, ref: MediaRef): string {
  if (typeof ref === 'string') return `m.${ref}`
  return `k.${createHash('sha256').update(`${namespace}\n${ref.key}`).digest('base64url')}`
}

/** Tells all who watch of the media that an event is about. Never throws, never waits. */
export function announce(states: ResourceStates, event: MediaEvent): void {
  if (!('mediaId' in event) || event.type === 'upload.held') return
  const { namespace, mediaId } = event
  // Nobody can have asked for an id that was given only now; that of an upload was given when the upload began.
  const isUnheardOf =
    event.type === 'media.created' || (event.type === 'upload.accepted' && event.door === 'put')
  const names = isUnheardOf ? [] : [nameOf(namespace, mediaId)]
  const key = event.type === 'upload.accepted' ? undefined : event.key
  if (key !== undefined) names.push(nameOf(namespace, { key }))
  if (names.length > 0) states.invalidate(names).catch(() => {})
}
