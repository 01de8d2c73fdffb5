import { checkCondition } from '../catalog/conditions.ts'
import { bodyTooLarge } from '../errors/entity-too-large.ts'
import { MediaError } from '../errors/media-error.ts'
import { checkDeclaredType } from '../validation/decide-type.ts'
import { maxBytesOf } from '../validation/policies.ts'
import type { IngestContext } from './context.ts'
import type { PutRequest } from './put-options.ts'

/**
 * Refuses before the first byte what no byte could make right: size, type, condition, room.
 * @throws MediaError MEDIA_TOO_LARGE, MEDIA_TYPE_REFUSED, MEDIA_BAD_INPUT `empty-file`, MEDIA_PRECONDITION, MEDIA_ABSENT, MEDIA_BUSY, MEDIA_UNAVAILABLE
 */
export async function admit(
  context: IngestContext,
  request: Pick<PutRequest, 'namespace' | 'declaredBytes' | 'declaredType' | 'media'>,
): Promise<void> {
  const { declaredBytes, declaredType } = request
  if (declaredBytes === 0)
    throw new MediaError('MEDIA_BAD_INPUT', 'the body is empty', { reason: 'empty-file' })
  checkDeclaredType(declaredType, context.policies)
  const maxBytes = maxBytesOf(context)
  if (declaredBytes !== undefined && declaredBytes > maxBytes) {
    throw bodyTooLarge(maxBytes)
  }
  const { at, when } = request.media
  if (at === undefined) return
  const existing = await context.catalog.get(request.namespace, at)
  if (when !== undefined) checkCondition(existing, when)
  if (existing === undefined && typeof at === 'string')
    throw new MediaError('MEDIA_ABSENT', 'there is no media of this id to replace', { reason: 'unknown-id' })
}
