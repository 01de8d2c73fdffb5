import { MediaError } from '../errors/media-error.ts'

/** A rewritten optional member is only shown where the inner store has it, so this never throws for callers. */
export function present<Member>(member: Member | undefined): Member {
  if (member === undefined) throw new MediaError('MEDIA_UNSUPPORTED', 'the inner store lacks the member')
  return member
}
