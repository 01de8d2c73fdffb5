import {
  type Access,
  type Action,
  type Authenticator,
  type AuthorizeInput,
  isMediaError,
  type Media,
  MediaError,
  type Principal,
  readVerdict,
} from '@mediakeep/core'

/**
 * Everybody may do everything, as one principal who owns what is put.
 * For a machine of one's own: listen on loopback only.
 */
export function openAccess(principal: Principal = { id: 'anonymous', admin: true }): Access {
  return { open: true, authenticate: () => principal, authorize: () => true }
}

export interface OwnersOnlyOptions {
  readonly authenticate: Authenticator
}

/**
 * The usual rule: whoever is signed in may put; owners and admins may see, change and list their media;
 * public media may be read by everybody.
 */
export function ownersOnly({ authenticate }: OwnersOnlyOptions): Access {
  return {
    authenticate,
    authorize({ principal, action, media, owner }) {
      if (principal?.admin === true) return true
      if (media !== undefined) {
        if (principal !== undefined && principal.id === media.owner) return true
        return media.visibility === 'public' && (action === 'read' || action === 'stat' || action === 'warm')
      }
      return principal !== undefined && principal.id === owner
    },
  }
}

/** Tells whether the host's rule says yes. */
export async function permits(access: Access, input: AuthorizeInput): Promise<boolean> {
  try {
    return (await access.authorize(input)) === true
  } catch (error) {
    if (isMediaError(error, 'MEDIA_DENIED')) return false
    throw error
  }
}

/** The owner, an admin, or anybody where access is open: who may know why a media is not served. */
export function isOwner(access: Access, principal: Principal | undefined, media: Media): boolean {
  if (access.open === true) return true
  return principal !== undefined && (principal.admin === true || principal.id === media.owner)
}

/** The one answer for what is missing and for what the asker may not know of. */
export function absent(): MediaError {
  return new MediaError('MEDIA_ABSENT', 'there is no such media')
}

/** A refusal that hides nothing: sign in first, or not for you. */
export function denied(principal: Principal | undefined, message: string): MediaError {
  return principal === undefined
    ? new MediaError('MEDIA_UNAUTHENTICATED', 'sign in first', { reason: 'credentials-required' })
    : new MediaError('MEDIA_DENIED', message, { reason: 'not-permitted' })
}

/**
 * Lets an act on one media through, or throws what the asker may know: MEDIA_ABSENT for a private media of somebody
 * else and for one that is held back, else MEDIA_DENIED or, for nobody in particular, MEDIA_UNAUTHENTICATED.
 */
export async function allowOn(
  access: Access,
  principal: Principal | undefined,
  action: Action,
  media: Media,
): Promise<void> {
  const isOwners = isOwner(access, principal, media)
  const mayBeTheirs = media.state === 'active' || isOwners
  const isPermitted = mayBeTheirs && (await permits(access, { principal, action, media }))
  let verdict = readVerdict(media, { isOwner: isOwners, isPermitted })
  if (verdict === 'granted') return
  if (mayBeTheirs && action !== 'read' && action !== 'stat')
    verdict = (await permits(access, { principal, action: 'stat', media })) ? 'refused' : 'absent'
  throw verdict === 'refused' ? denied(principal, `you may not ${action} this media`) : absent()
}

/** Only active contents are served. Called after `allowOn`, so that whoever gets here may know why. */
export function checkServed(media: Media): void {
  if (media.state === 'active') return
  if (media.state === 'pending') {
    throw new MediaError('MEDIA_NOT_READY', 'the content is being checked', { reason: 'pending' })
  }
  throw new MediaError('MEDIA_HELD', 'the content is held back', { reason: media.state })
}
