import { type ClaimedSession, checkLease, checkUploadClaim } from '../../catalog/index.ts'
import type {
  CatalogUploads,
  ExtendSession,
  SessionRecord,
  UploadSessionRecord,
} from '../../contracts/catalog.ts'
import { reserve } from './reservations.ts'
import { type SessionToken, sessionOf, sessionRecord } from './sessions.ts'
import { frozenJson } from './snapshots.ts'
import type { MemoryTables, SessionRow, UploadRow } from './tables.ts'

/** Members that are absent stay; a put has no state. */
export function extendSession(
  tables: MemoryTables,
  token: SessionToken,
  to: ExtendSession,
  nowMs: number,
): SessionRecord {
  checkLease(to)
  const session = sessionOf(tables, token)
  reserve(tables, session, to.reservations ?? [])
  if (to.ttlMs !== undefined) session.expiresAtMs = nowMs + to.ttlMs
  session.offsetBytes = to.offsetBytes ?? session.offsetBytes
  if (to.declared !== undefined) session.declared = frozenJson(to.declared)
  if (session.upload !== undefined) session.upload.state = to.state ?? session.upload.state
  if (to.leaseMs !== undefined) lock(session, nowMs, to.leaseMs)
  return sessionRecord(session)
}

export function getSession(tables: MemoryTables, id: string): UploadSessionRecord | undefined {
  const session = tables.sessions.get(id)
  return session?.upload === undefined ? undefined : uploadRecord(session, session.upload)
}

export function claimSession(
  tables: MemoryTables,
  id: string,
  { leaseMs, force }: Parameters<CatalogUploads['claimSession']>[1],
  nowMs: number,
): UploadSessionRecord {
  checkLease({ leaseMs })
  const found = claimedSession(tables, id)
  checkUploadClaim(found, { nowMs, force })
  const { session, upload } = found
  tables.lastFence += 1
  session.fence = tables.lastFence
  lock(session, nowMs, leaseMs)
  return uploadRecord(session, upload)
}

interface FoundUpload extends ClaimedSession {
  readonly session: SessionRow
  readonly upload: UploadRow
}

function claimedSession(tables: MemoryTables, id: string): FoundUpload | undefined {
  const session = tables.sessions.get(id)
  if (session?.upload === undefined) return undefined
  const { upload, expiresAtMs, lockedUntilMs } = session
  return {
    session,
    upload,
    endedAt: upload.endedAtMs ?? null,
    expiresAt: expiresAtMs,
    lockedUntil: lockedUntilMs ?? null,
  }
}

/** Nobody else takes up what the session is at, for so long. */
export function lock(session: SessionRow, nowMs: number, leaseMs: number): void {
  session.lockedUntilMs = leaseMs === 0 ? undefined : nowMs + leaseMs
}

function uploadRecord(session: SessionRow, upload: UploadRow): UploadSessionRecord {
  const { state, mediaId } = upload
  const { lockedUntilMs } = session
  return {
    ...sessionRecord(session),
    state,
    ...(lockedUntilMs === undefined ? {} : { lockedUntil: new Date(lockedUntilMs) }),
    ...(mediaId === undefined ? {} : { mediaId }),
  }
}
