import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { bytesSource, partsSource } from '../bytes/source.ts'
import { BLOCK_BYTES } from '../cas/block-pool.ts'
import { type BodySummary, createBodyDigester } from '../cas/body-digest.ts'
import type { ByteSource } from '../contracts/bytes.ts'
import type { StagedBody, StagingWriter } from '../contracts/object-store.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import { bodyTooLarge } from '../errors/entity-too-large.ts'
import { MediaError } from '../errors/media-error.ts'
import { decideType, type TypeClaims } from '../validation/decide-type.ts'
import { SNIFF_BYTES, type Sniffed, sniff } from '../validation/sniff.ts'
import type { HeldBytes } from './held-bytes.ts'
import { createPooledParts, type HeldBlocks } from './pooled-parts.ts'

/** Hashed without a pause: about a millisecond of the event loop. */
const TURN_BYTES = 1_048_576

/** What is kept of the first bytes when the type is decided. */
const HEAD_BYTES = 16

/** Smaller chunks are gathered in blocks of this size: held one by one, a body in pieces of a byte takes a hundred times its length. */
const HELD_BLOCK_BYTES = 16_384

/** What a body may be. */
export interface BodyBounds {
  readonly declaredBytes: number | undefined
  readonly declaredType: string | undefined
  readonly filename: string | undefined
  readonly policies: readonly MediaPolicy[]
  readonly maxBodyBytes: number
}

/** What bounds a body while it arrives. */
export interface ReceiveOptions extends BodyBounds {
  readonly memoryBodyBytes: number
  /** Memory that this body shares with others; a body that finds none left is staged. */
  readonly held: HeldBytes
  /** Whether chunks are ours for good, or may be used again by who gave them as soon as `write` is done. */
  readonly chunks: 'own' | 'copy'
  /** Called when the body is too large for memory: opens its session, reserves its room. */
  stage(contentType: string): Promise<StagingWriter>
  /** More has arrived: room for it, and the session's life. */
  onReceived(receivedBytes: number): Promise<void> | undefined
}

export interface ReceivedBody {
  readonly summary: BodySummary
  readonly sniffed: Sniffed
  readonly contentType: string
  readonly policy: MediaPolicy
  /** Its first bytes. */
  readonly head: Uint8Array
  readonly source: ByteSource | StagedBody
  discard(): Promise<void>
  /** Held in blocks that are to be used again. */
  readonly blocks?: HeldBlocks
}

/** Takes a body piece by piece: counts, tells its type, hashes and stages, with back-pressure all through. */
export interface Receiver {
  receivedBytes(): number
  write(chunk: Uint8Array): Promise<void> | undefined
  finish(): Promise<ReceivedBody>
  /** Removes what was staged; idempotent. */
  abort(): Promise<void>
}

/** @throws MediaError MEDIA_TOO_LARGE, MEDIA_TYPE_REFUSED, MEDIA_BAD_INPUT `empty-file` or `size-mismatch`, each as early as it can be known. */
export function createReceiver(options: ReceiveOptions): Receiver {
  const digester = createBodyDigester()
  let parts: Buffer[] = []
  /** Of the last part, when small chunks are gathered in it. */
  let block: Buffer | undefined
  let decided: Pick<ReceivedBody, 'sniffed' | 'contentType' | 'policy' | 'head'> | undefined
  let writer: StagingWriter | undefined
  let limitBytes = options.maxBodyBytes
  /** The step under way. A body that breaks off meanwhile must not leave behind what the step still opens. */
  let advancing: Promise<void> | undefined
  const share = options.held.open()
  const pooled = createPooledParts(options.held.blocks)

  /** As far as is known yet. */
  const largestBytes = (): number => Math.max(options.declaredBytes ?? 0, digester.sizeBytes())
  /** Copied where it is not ours, and where a slice would keep alive much more than itself. */
  const hold = (chunk: Uint8Array): void => {
    const isHeldWhole = largestBytes() <= options.memoryBodyBytes
    if (pooled.isUsed() || (isHeldWhole && largestBytes() >= BLOCK_BYTES)) {
      pooled.hold(chunk, parts)
      return
    }
    const isLarge = chunk.byteLength >= HELD_BLOCK_BYTES
    if (parts.length === 0 || isLarge) {
      block = undefined
      const keep = isLarge && options.chunks === 'own' && chunk.byteLength * 2 >= chunk.buffer.byteLength
      parts.push(keep ? viewOf(chunk) : Buffer.from(chunk))
      return
    }
    const filled = block === undefined ? 0 : (parts.at(-1)?.byteLength ?? 0)
    if (block === undefined || filled + chunk.byteLength > HELD_BLOCK_BYTES) {
      block = Buffer.allocUnsafeSlow(HELD_BLOCK_BYTES)
      block.set(chunk)
      parts.push(block.subarray(0, chunk.byteLength))
      return
    }
    block.set(chunk, filled)
    parts[parts.length - 1] = block.subarray(0, filled + chunk.byteLength)
  }
  const decide = async (complete: boolean): Promise<void> => {
    const prefix = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    const sniffed = await sniff(prefix, complete)
    const claims: TypeClaims = { sniffed, declared: options.declaredType, filename: options.filename }
    decided = { sniffed, ...decideType(claims, options.policies), head: headOf(prefix) }
    limitBytes = Math.min(limitBytes, decided.policy.maxBytes ?? limitBytes)
    checkSize(digester.sizeBytes())
  }
  const checkSize = (receivedBytes: number): void => {
    const { declaredBytes } = options
    if (receivedBytes > limitBytes) throw bodyTooLarge(limitBytes)
    if (declaredBytes !== undefined && receivedBytes > declaredBytes) {
      throw new MediaError('MEDIA_BAD_INPUT', `the body is longer than the ${declaredBytes} bytes declared`, {
        reason: 'size-mismatch',
      })
    }
  }
  const openStaging = async (): Promise<void> => {
    writer = await options.stage((decided as NonNullable<typeof decided>).contentType)
    const held = parts
    parts = []
    block = undefined
    for (const part of held) await writer.write(part)
    share.release()
  }
  /** Also one that only says so: what it brings until then would be held, and copied, for nothing. */
  const isTooLarge = (): boolean => largestBytes() > options.memoryBodyBytes || !share.fits()
  const advance = async (): Promise<void> => {
    if (decided === undefined) await decide(false)
    await options.onReceived(digester.sizeBytes())
    if (writer === undefined && isTooLarge()) await openStaging()
  }

  return {
    receivedBytes: digester.sizeBytes,
    write(chunk) {
      if (chunk.byteLength === 0) return undefined
      checkSize(digester.sizeBytes() + chunk.byteLength)
      digester.update(chunk)
      if (writer !== undefined) {
        const more = options.onReceived(digester.sizeBytes())
        return more === undefined ? writer.write(chunk) : more.then(() => writer?.write(chunk))
      }
      hold(chunk)
      share.grow(chunk.byteLength)
      const due = decided === undefined ? digester.sizeBytes() >= SNIFF_BYTES : isTooLarge()
      if (due) advancing = advance()
      return due ? advancing : undefined
    },
    async finish() {
      const { declaredBytes } = options
      if (declaredBytes !== undefined && digester.sizeBytes() !== declaredBytes) {
        throw new MediaError(
          'MEDIA_BAD_INPUT',
          `the body ended after ${digester.sizeBytes()} of ${declaredBytes} bytes`,
          { reason: 'incomplete-body' },
        )
      }
      if (digester.sizeBytes() === 0)
        throw new MediaError('MEDIA_BAD_INPUT', 'the body is empty', { reason: 'empty-file' })
      if (decided === undefined) await decide(true)
      const { sniffed, contentType, policy, head } = decided as NonNullable<typeof decided>
      if (policy.minBytes !== undefined && digester.sizeBytes() < policy.minBytes) {
        throw new MediaError('MEDIA_INVALID', `${contentType} needs at least ${policy.minBytes} bytes`, {
          reason: 'entity-too-small',
        })
      }
      const summary = digester.finish()
      const about = { summary, sniffed, contentType, policy, head }
      if (writer === undefined) {
        const source = partsSource(parts, summary.sizeBytes, summary.digest)
        const discard = async (): Promise<void> => share.release()
        return {
          ...about,
          source,
          discard,
          ...(pooled.isUsed() ? { blocks: pooled } : {}),
        }
      }
      const staged = await writer.finish(summary.digest)
      return { ...about, source: staged, discard: () => staged.discard() }
    },
    async abort() {
      await advancing?.catch(() => {}) // told to whoever wrote
      share.release()
      await writer?.abort()
    },
  }
}

/** Of its own: a view would keep a whole block of the body. */
function headOf(prefix: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(prefix, 0, HEAD_BYTES)
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** Limits, and the type by the first bytes, of a body that is whole. */
async function decideWhole(
  prefix: Uint8Array,
  sizeBytes: number,
  options: BodyBounds,
): Promise<Pick<ReceivedBody, 'sniffed' | 'contentType' | 'policy' | 'head'>> {
  if (sizeBytes === 0) throw new MediaError('MEDIA_BAD_INPUT', 'the body is empty', { reason: 'empty-file' })
  const sniffed = await sniff(prefix, prefix.byteLength === sizeBytes)
  const { contentType, policy } = decideType(
    { sniffed, declared: options.declaredType, filename: options.filename },
    options.policies,
  )
  const limitBytes = Math.min(options.maxBodyBytes, policy.maxBytes ?? options.maxBodyBytes)
  if (sizeBytes > limitBytes) throw bodyTooLarge(limitBytes)
  if (policy.minBytes !== undefined && sizeBytes < policy.minBytes) {
    throw new MediaError('MEDIA_INVALID', `${contentType} needs at least ${policy.minBytes} bytes`, {
      reason: 'entity-too-small',
    })
  }
  return { sniffed, contentType, policy, head: headOf(prefix) }
}

/** A body whose bytes were hashed while they came: only its first ones are read again, where nobody kept them. */
export async function receiveStaged(
  body: StagedBody,
  summary: BodySummary,
  options: BodyBounds,
): Promise<ReceivedBody> {
  const endExclusive = Math.min(SNIFF_BYTES, summary.sizeBytes)
  const prefix = summary.head ?? (await buffer(body.open({ range: { start: 0, endExclusive } })))
  const decided = await decideWhole(prefix, summary.sizeBytes, options)
  return {
    summary,
    ...decided,
    source: { ...body, digest: summary.digest },
    discard: () => body.discard(),
  }
}

/** Summary and verified type of a body that is whole and in memory: nothing is copied. */
export async function receiveBytes(bytes: Uint8Array, options: BodyBounds): Promise<ReceivedBody> {
  const { declaredBytes } = options
  if (declaredBytes !== undefined && bytes.byteLength !== declaredBytes) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `the body has ${bytes.byteLength} bytes, ${declaredBytes} were declared`,
      { reason: 'size-mismatch' },
    )
  }
  const decided = await decideWhole(bytes, bytes.byteLength, options)
  const digester = createBodyDigester()
  for (let at = 0; at < bytes.byteLength; at += TURN_BYTES) {
    if (at > 0) await setImmediate()
    digester.update(bytes.subarray(at, at + TURN_BYTES))
  }
  const summary = digester.finish()
  return { summary, ...decided, source: bytesSource(bytes, summary.digest), discard: async () => {} }
}
