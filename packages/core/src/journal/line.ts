import { isDigest } from '../bytes/digest.ts'
import { isId } from '../bytes/id.ts'
import type { JsonObject } from '../contracts/bytes.ts'
import type { BlobVerdict, PortableMedia, PortablePlacement } from '../contracts/catalog.ts'
import type { LinkTarget, MediaState, Visibility } from '../contracts/media.ts'
import { isFacts } from './facts.ts'
import { isObject, isText } from './json.ts'

/** A media was deleted. */
export interface GoneLine {
  readonly namespace: string
  readonly id: string
  /** The last one it had: a media line of this revision or a lower one is over. */
  readonly revision: number
  readonly at: Date
  /** Home volumes that held it and could not be told: their journals may still name it. */
  readonly missed?: readonly string[]
}

/** What every line begins with: enough to know whether it counts, without reading the rest. */
export interface LineHead {
  readonly kind: 'media' | 'gone'
  readonly id: string
  readonly revision: number
}

const HEAD = /^\{"kind":"(media|gone)","id":"([0-9a-f-]{36})","revision":(\d{1,15}),/

/** `undefined` for a line that is none of ours. */
export function headOfLine(line: string): LineHead | undefined {
  const [, kind, id, revision] = HEAD.exec(line) ?? []
  if (kind === undefined || id === undefined) return undefined
  return { kind: kind === 'gone' ? 'gone' : 'media', id, revision: Number(revision) }
}

/** One line of JSON; the members that `headOfLine` reads come first, instants are milliseconds, sums base64. */
export function encodeMedia({ content, blob, placements, ...media }: PortableMedia): string {
  return JSON.stringify({
    kind: 'media',
    id: media.id,
    revision: media.revision,
    namespace: media.namespace,
    key: media.key,
    owner: media.owner,
    visibility: media.visibility,
    tags: media.tags,
    metadata: media.metadata,
    links: media.links,
    createdAt: media.createdAt.getTime(),
    updatedAt: media.updatedAt.getTime(),
    content: {
      number: content.number,
      state: content.state,
      contentType: content.contentType,
      filename: content.filename,
      facts: content.facts,
      createdAt: content.createdAt.getTime(),
    },
    blob: {
      domain: blob.domain,
      digest: blob.digest,
      sizeBytes: blob.sizeBytes,
      chunkSums: blob.chunkSums && base64Of(blob.chunkSums),
      verdict: blob.verdict && { ...blob.verdict, lookedAt: blob.verdict.lookedAt?.getTime() },
    },
    placements: placements.map(({ id, volumeId, key, owned, storedBytes, etag }) => ({
      id,
      volumeId,
      key,
      owned,
      storedBytes,
      etag,
    })),
  })
}

export function encodeGone({ id, revision, namespace, at, missed }: GoneLine): string {
  return JSON.stringify({ kind: 'gone', id, revision, namespace, at: at.getTime(), missed })
}

/** `undefined` for what is no media line. */
export function parseMedia(line: string): PortableMedia | undefined {
  const value = parseObject(line)
  if (value?.['kind'] !== 'media') return undefined
  const { id, revision, namespace, key, owner, visibility, tags, metadata, links } = value
  const { createdAt, updatedAt, placements } = value
  const content = parseContent(value['content'])
  const blob = parseBlob(value['blob'])
  if (content === undefined || blob === undefined) return undefined
  if (typeof id !== 'string' || !isId(id) || !isCount(revision)) return undefined
  if (typeof namespace !== 'string' || typeof owner !== 'string') return undefined
  if (key !== undefined && typeof key !== 'string') return undefined
  if (!isOneOf(VISIBILITIES, visibility) || !isListOf(isText, tags) || !isListOf(isLink, links))
    return undefined
  if (!isObject(metadata) || !isInstant(createdAt) || !isInstant(updatedAt)) return undefined
  if (!isListOf(isPlacement, placements)) return undefined
  return {
    id,
    revision,
    namespace,
    ...(key === undefined ? {} : { key }),
    owner,
    visibility,
    tags,
    metadata,
    links: links.map(({ kind, target }) => ({ kind, target })),
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    content,
    blob,
    placements: placements.map(({ id, volumeId, key, owned, storedBytes, etag }) => ({
      id,
      volumeId,
      key,
      owned,
      storedBytes,
      ...(etag === undefined ? {} : { etag }),
    })),
  }
}

/** `undefined` for what is no line of a deletion. */
export function parseGone(line: string): GoneLine | undefined {
  const value = parseObject(line)
  if (value?.['kind'] !== 'gone') return undefined
  const { id, revision, namespace, at, missed } = value
  if (typeof id !== 'string' || !isId(id) || !isCount(revision)) return undefined
  if (typeof namespace !== 'string' || !isInstant(at)) return undefined
  if (missed !== undefined && !isListOf(isText, missed)) return undefined
  return { id, revision, namespace, at: new Date(at), ...(missed === undefined ? {} : { missed }) }
}

function parseContent(value: unknown): PortableMedia['content'] | undefined {
  if (!isObject(value)) return undefined
  const { number, state, contentType, filename, facts, createdAt } = value
  if (!isCount(number) || !isOneOf(STATES, state) || !isInstant(createdAt)) return undefined
  if (typeof contentType !== 'string' || typeof filename !== 'string' || !isFacts(facts)) return undefined
  return { number, state, contentType, filename, facts, createdAt: new Date(createdAt) }
}

function parseBlob(value: unknown): PortableMedia['blob'] | undefined {
  if (!isObject(value)) return undefined
  const { domain, digest, sizeBytes, chunkSums, verdict } = value
  if (typeof domain !== 'string' || !isCount(sizeBytes)) return undefined
  if (digest !== undefined && !(typeof digest === 'string' && isDigest(digest))) return undefined
  if (chunkSums !== undefined && typeof chunkSums !== 'string') return undefined
  const found = verdict === undefined ? undefined : parseVerdict(verdict)
  if (verdict !== undefined && found === undefined) return undefined
  return {
    domain,
    ...(digest === undefined ? {} : { digest }),
    sizeBytes,
    ...(chunkSums === undefined ? {} : { chunkSums: new Uint8Array(Buffer.from(chunkSums, 'base64')) }),
    ...(found === undefined ? {} : { verdict: found }),
  }
}

const VISIBILITIES: readonly Visibility[] = ['public', 'private']
const STATES: readonly MediaState[] = ['pending', 'active', 'rejected', 'quarantined']
const VERDICTS: readonly BlobVerdict['verdict'][] = ['clean', 'infected', 'unscannable', 'released']
/** The last instant that a Date can be. */
const MAX_INSTANT_MS = 8.64e15

function parseObject(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const isInstant = (value: unknown): value is number => isCount(value) && value <= MAX_INSTANT_MS

function isOneOf<Word extends string>(words: readonly Word[], value: unknown): value is Word {
  return words.some((word) => word === value)
}

function isListOf<Item>(isItem: (value: unknown) => value is Item, value: unknown): value is readonly Item[] {
  return Array.isArray(value) && value.every((item) => isItem(item))
}

function isLink(value: unknown): value is LinkTarget {
  return isObject(value) && isText(value['kind']) && isText(value['target'])
}

function parseVerdict(value: unknown): BlobVerdict | undefined {
  if (!isObject(value)) return undefined
  const { verdict, engine, database, signature, reason, lookedAt } = value
  if (!isOneOf(VERDICTS, verdict) || !isText(engine) || !isText(database)) return undefined
  if (signature !== undefined && !isText(signature)) return undefined
  if (reason !== undefined && !isText(reason)) return undefined
  if (lookedAt !== undefined && !isInstant(lookedAt)) return undefined
  return {
    verdict,
    engine,
    database,
    ...(signature === undefined ? {} : { signature }),
    ...(reason === undefined ? {} : { reason }),
    ...(lookedAt === undefined ? {} : { lookedAt: new Date(lookedAt) }),
  }
}

function isPlacement(value: unknown): value is PortablePlacement {
  if (!isObject(value)) return false
  const { id, volumeId, key, owned, storedBytes, etag } = value
  return (
    isText(id) &&
    isText(volumeId) &&
    isText(key) &&
    typeof owned === 'boolean' &&
    isCount(storedBytes) &&
    (etag === undefined || isText(etag))
  )
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
