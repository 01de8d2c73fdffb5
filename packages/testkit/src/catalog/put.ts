import {
  type BeginSession,
  type BlobVerdict,
  type Catalog,
  type CommitContent,
  type CommittedContent,
  type Digest,
  digestOf,
  newId,
  type SessionRecord,
  type StagedPlacement,
} from '@mediakeep/core'

/** The default namespace of cases. */
export const ALPHA = 'alpha'
export const BETA = 'beta'
/** Long enough that no session of a case runs out by itself. */
export const LONG_TTL_MS = 3_600_000
/** Short enough to wait for on a real clock. */
export const SHORT_TTL_MS = 25

type Media = CommitContent['media']

/** What a put is made of; what is absent is plain. */
export interface PutInput extends Partial<Omit<Media, 'newId' | 'namespace' | 'owner'>> {
  readonly bytes?: string
  readonly id?: string
  readonly namespace?: string
  readonly owner?: string
  readonly domain?: string
  readonly volumeId?: string
  readonly contentType?: string
  readonly filename?: string
  readonly state?: CommitContent['content']['state']
  readonly verdict?: BlobVerdict
  readonly keepSession?: CommitContent['keepSession']
  readonly facts?: CommitContent['content']['facts']
  readonly session?: Partial<BeginSession>
  readonly distrust?: readonly string[]
  readonly reachable?: readonly string[]
}

export type Staged = Extract<StagedPlacement, { readonly type: 'staged' }> & {
  /** Ours, when it was inserted. */
  readonly placementId: string
  readonly key: string
  readonly digest: Digest
  readonly sizeBytes: number
}

let lastBytes = 0

/** Bytes that no other put has. */
export function freshBytes(): string {
  lastBytes += 1
  return `fresh ${lastBytes}`
}

export function beginInput(input: Partial<BeginSession> = {}): BeginSession {
  return { id: newId(), namespace: ALPHA, owner: 'ann', ttlMs: LONG_TTL_MS, ...input }
}

/** The session of an upload, which must begin. */
export function beginUpload(catalog: Catalog, input: Partial<BeginSession> = {}): Promise<SessionRecord> {
  return begin(catalog, { upload: { state: 'created' }, ...input })
}

/** A session that must begin. */
export async function begin(catalog: Catalog, input: Partial<BeginSession> = {}): Promise<SessionRecord> {
  const begun = await catalog.beginSession(beginInput(input))
  if (begun.type === 'begun') return begun.session
  throw new Error(`beginSession() repeats the outcome ${begun.mediaId}, a new session was expected`)
}

/** Transaction A, which must not repeat an earlier outcome. */
export async function stage(
  catalog: Catalog,
  input: PutInput = {},
  session?: { readonly id: string; readonly fence: number },
): Promise<Staged> {
  const bytes = Buffer.from(input.bytes ?? freshBytes())
  const namespace = input.namespace ?? ALPHA
  const owner = input.owner ?? 'ann'
  const digest = digestOf(bytes)
  const placementId = newId()
  const key = `${digest.slice(7, 9)}/${digest.slice(7)}.${placementId}`
  const staged = await catalog.stagePlacement({
    session: session ?? beginInput({ namespace, owner, ...input.session }),
    domain: input.domain ?? '',
    digest,
    sizeBytes: bytes.byteLength,
    chunkSums: chunkSumsOf(bytes),
    volumeId: input.volumeId ?? 'kit-disk',
    placementId,
    key,
    ...(input.distrust === undefined ? {} : { distrust: input.distrust }),
    ...(input.reachable === undefined ? {} : { reachable: input.reachable }),
  })
  if (staged.type === 'staged') return { ...staged, placementId, key, digest, sizeBytes: bytes.byteLength }
  throw new Error(`stagePlacement() repeats the outcome ${staged.mediaId}, a new session was expected`)
}

/** Four bytes that stand for the sums; the catalog only keeps them. */
export function chunkSumsOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.from(digestOf(bytes).slice(7, 15), 'hex'))
}

export function commitInput(staged: Staged, input: PutInput = {}): CommitContent {
  const { at, when, visibility, tags, metadata, links, reachable } = input
  return {
    session: staged.session,
    blobId: staged.blobId,
    ...(staged.existing.length > 0
      ? {}
      : { placement: { id: staged.placementId, storedBytes: staged.sizeBytes } }),
    ...(reachable === undefined ? {} : { reachable }),
    media: {
      newId: input.id ?? newId(),
      namespace: input.namespace ?? ALPHA,
      owner: input.owner ?? 'ann',
      ...(at === undefined ? {} : { at }),
      ...(when === undefined ? {} : { when }),
      ...(visibility === undefined ? {} : { visibility }),
      ...(tags === undefined ? {} : { tags }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(links === undefined ? {} : { links }),
    },
    content: {
      contentType: input.contentType ?? 'image/png',
      filename: input.filename ?? 'file.png',
      facts: input.facts ?? {},
      state: input.state ?? 'active',
      ...(input.verdict === undefined ? {} : { verdict: input.verdict }),
    },
    ...(input.keepSession === undefined ? {} : { keepSession: input.keepSession }),
  }
}

/** A whole put: stage, then commit, as an ingest does. A refused commit ends the session, as an ingest does too. */
export async function put(catalog: Catalog, input: PutInput = {}): Promise<CommittedContent> {
  const staged = await stage(catalog, input)
  try {
    return await catalog.commitContent(commitInput(staged, input))
  } catch (error) {
    await catalog.endSession(staged.session)
    throw error
  }
}

/** The catalog's time, by a session's end of life. */
export async function timeOf(catalog: Catalog): Promise<number> {
  const session = await begin(catalog, { ttlMs: LONG_TTL_MS })
  await catalog.endSession(session)
  return session.expiresAt.getTime() - LONG_TTL_MS
}

/** An id made at this time; `order` tells ids of one millisecond apart. */
export function idAt(ms: number, order = 0): string {
  const hex = ms.toString(16).padStart(12, '0')
  const low = order.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${low}`
}
