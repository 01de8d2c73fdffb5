import { ownerTagTerm } from '@mediakeep/core'
import type { SqliteConnection } from './driver.ts'
import type { StoredId } from './ids.ts'

/**
 * Version 1. All tables that the design knows, also those no code uses yet: adding a column later is cheap,
 * changing what a key means is not.
 *
 * Tables are clustered by their key (WITHOUT ROWID): one b-tree each where a rowid table with a blob key has two.
 * `terms` are posting lists: every filter of a list is one range scan in order of creation, because ids are UUIDv7.
 * Links are posted there too; `links` is the view of them for people.
 */
const VERSION_1 = `
CREATE TABLE volumes(
  id BLOB NOT NULL PRIMARY KEY, tier TEXT NOT NULL, hostId TEXT, layout INTEGER NOT NULL
) WITHOUT ROWID;
-- A cache of sums over placements, kept in the same transaction, so that a reservation need not add them up.
CREATE TABLE volume_totals(
  volumeId BLOB NOT NULL PRIMARY KEY, storedBytes INTEGER NOT NULL, objects INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE owner_totals(
  namespace TEXT NOT NULL, owner TEXT NOT NULL, media INTEGER NOT NULL, logicalBytes INTEGER NOT NULL,
  PRIMARY KEY(namespace, owner)
) WITHOUT ROWID;

-- chunkSums stand last and long ones overflow: what lists read is always on the leaf.
CREATE TABLE blobs(
  id BLOB NOT NULL PRIMARY KEY, domain TEXT NOT NULL, digest BLOB, sizeBytes INTEGER NOT NULL,
  state TEXT NOT NULL, condemnedAt INTEGER, verifiedAt INTEGER, verdict TEXT, chunkSums BLOB
) WITHOUT ROWID;
CREATE UNIQUE INDEX blobs_digest ON blobs(domain, digest) WHERE digest IS NOT NULL;
-- What garbage collection looks at: blobs that lost a reference, and condemned ones. Never all of them.
CREATE INDEX blobs_loose ON blobs(state, condemnedAt) WHERE state <> 'live';

-- Clustered by blob: every record that is read asks for the placements of one, and finds them whole in one descent.
CREATE TABLE placements(
  id BLOB NOT NULL, blobId BLOB NOT NULL, volumeId BLOB NOT NULL, key TEXT NOT NULL,
  state TEXT NOT NULL, owned INTEGER NOT NULL, storedBytes INTEGER NOT NULL, etag TEXT, versionId TEXT,
  fence INTEGER NOT NULL DEFAULT 0, leftAt INTEGER, envelope BLOB,
  PRIMARY KEY(blobId, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX placements_id ON placements(id);
-- Physical keys begin with a digest, which is random, and end with the placement's id, which grows. Sorted by their end
-- they are added in one place of the index, where each put would else write a page of its own. As unique as before.
CREATE UNIQUE INDEX placements_key ON placements(volumeId, substr(key, -36), key);
CREATE INDEX placements_leaving ON placements(leftAt) WHERE state = 'leaving';

CREATE TABLE media(
  namespace TEXT NOT NULL, id BLOB NOT NULL, key TEXT, owner TEXT NOT NULL, visibility TEXT NOT NULL,
  revision INTEGER NOT NULL, contentNumber INTEGER NOT NULL, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL,
  tags TEXT NOT NULL, links TEXT NOT NULL, metadata TEXT NOT NULL,
  PRIMARY KEY(namespace, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX media_key ON media(namespace, key) WHERE key IS NOT NULL;
-- media.contentNumber is the one that serves.
CREATE TABLE contents(
  mediaId BLOB NOT NULL, number INTEGER NOT NULL, blobId BLOB NOT NULL, contentType TEXT NOT NULL,
  filename TEXT NOT NULL, facts TEXT NOT NULL, state TEXT NOT NULL, createdAt INTEGER NOT NULL,
  PRIMARY KEY(mediaId, number)
) WITHOUT ROWID;
CREATE INDEX contents_blob ON contents(blobId);
CREATE TABLE derivatives(
  parentBlobId BLOB NOT NULL, operations TEXT NOT NULL, encoder TEXT NOT NULL, blobId BLOB NOT NULL,
  PRIMARY KEY(parentBlobId, operations, encoder)
) WITHOUT ROWID;
CREATE INDEX derivatives_blob ON derivatives(blobId);
CREATE TABLE terms(
  namespace TEXT NOT NULL, term TEXT NOT NULL, mediaId BLOB NOT NULL,
  PRIMARY KEY(namespace, term, mediaId)
) WITHOUT ROWID;
CREATE VIEW links(namespace, mediaId, kind, target) AS
  SELECT media.namespace, media.id, json_extract(each.value, '$.kind'), json_extract(each.value, '$.target')
  FROM media, json_each(media.links) AS each;

CREATE TABLE sessions(
  id BLOB NOT NULL PRIMARY KEY, namespace TEXT NOT NULL, owner TEXT NOT NULL, mediaId BLOB, fence INTEGER NOT NULL,
  expiresAt INTEGER NOT NULL, offsetBytes INTEGER NOT NULL, state TEXT NOT NULL, idempotencyKey TEXT,
  declared TEXT NOT NULL
) WITHOUT ROWID;
-- What an idempotency key stands for: a session under way, or the media its put made.
CREATE TABLE outcomes(
  namespace TEXT NOT NULL, owner TEXT NOT NULL, idempotencyKey TEXT NOT NULL, sessionId BLOB, mediaId BLOB,
  expiresAt INTEGER NOT NULL,
  PRIMARY KEY(namespace, owner, idempotencyKey)
) WITHOUT ROWID;
CREATE INDEX outcomes_expiry ON outcomes(expiresAt);
-- placementId is the byte 0 where only the blob is pinned.
CREATE TABLE pins(
  sessionId BLOB NOT NULL, blobId BLOB NOT NULL, placementId BLOB NOT NULL,
  PRIMARY KEY(sessionId, blobId, placementId)
) WITHOUT ROWID;
CREATE INDEX pins_blob ON pins(blobId);
CREATE TABLE reservations(
  sessionId BLOB NOT NULL, volumeId BLOB, namespace TEXT, owner TEXT, bytes INTEGER NOT NULL
);
CREATE INDEX reservations_session ON reservations(sessionId);

CREATE TABLE outbox(
  id BLOB NOT NULL PRIMARY KEY, kind TEXT NOT NULL, mediaId BLOB, payload TEXT NOT NULL, claimedUntil INTEGER
) WITHOUT ROWID;
CREATE TABLE ledger(
  day TEXT NOT NULL, volumeId BLOB NOT NULL, class TEXT NOT NULL, cause TEXT NOT NULL,
  calls INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY(day, volumeId, class, cause)
) WITHOUT ROWID;
CREATE TABLE moves(
  id BLOB NOT NULL PRIMARY KEY, fromPlacement BLOB NOT NULL, toVolume BLOB NOT NULL, step TEXT NOT NULL,
  fence INTEGER NOT NULL
) WITHOUT ROWID;
`

/** Version 2. When a copy was last read whole and found right. */
const VERSION_2 = 'ALTER TABLE placements ADD COLUMN verifiedAt INTEGER'

/** Version 3. The postings of owners with a tag, of all records that are there already. */
function postOwnerTags(connection: SqliteConnection): void {
  const read = connection.prepare<TaggedRow>(
    `SELECT namespace, id, owner, tags FROM media WHERE (namespace, id) > (?, ?) AND tags <> '[]'
     ORDER BY namespace, id LIMIT 1000`,
  )
  const post = connection.prepare('INSERT OR IGNORE INTO terms(namespace, term, mediaId) VALUES (?, ?, ?)')
  let last: Pick<TaggedRow, 'namespace' | 'id'> | undefined
  for (;;) {
    const rows = read.all(last?.namespace ?? '', last?.id ?? '')
    for (const { namespace, id, owner, tags } of rows)
      for (const tag of JSON.parse(tags) as readonly string[])
        post.run(namespace, ownerTagTerm(owner, tag), id)
    last = rows.at(-1)
    if (last === undefined) return
  }
}

interface TaggedRow {
  readonly namespace: string
  readonly id: StoredId
  readonly owner: string
  readonly tags: string
}

/**
 * Version 4. Moves as they are planned and claimed (the table of version 1 was never used), what was spent, external objects
 * in the order of their keys, and what leaves by volume: a collector asks for those of the volumes it reaches.
 */
const VERSION_4 = `
DROP TABLE moves;
CREATE TABLE moves(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, blobId BLOB NOT NULL, toVolumeId BLOB NOT NULL,
  dropPlacementId BLOB, cause TEXT NOT NULL, rank REAL NOT NULL, fence INTEGER NOT NULL, attempts INTEGER NOT NULL,
  notBefore INTEGER NOT NULL, lastError TEXT,
  UNIQUE(blobId, toVolumeId)
);
CREATE INDEX moves_due ON moves(toVolumeId, rank, seq);
CREATE TABLE spending(
  budget TEXT NOT NULL, day TEXT NOT NULL, spent INTEGER NOT NULL,
  PRIMARY KEY(budget, day)
) WITHOUT ROWID;
CREATE INDEX placements_external ON placements(volumeId, key, storedBytes) WHERE owned = 0;
DROP INDEX placements_leaving;
CREATE INDEX placements_leaving ON placements(volumeId, leftAt) WHERE state = 'leaving';
`

/**
 * Version 5. Sessions of uploads, whose state is not `live`: what is told of them after they ended, who is at them, and
 * those of an owner that are open. Blobs with a content that waits for a verdict.
 */
const VERSION_5 = `
ALTER TABLE sessions ADD COLUMN lockedUntil INTEGER;
ALTER TABLE sessions ADD COLUMN endedAt INTEGER;
CREATE INDEX sessions_open ON sessions(namespace, owner, expiresAt) WHERE state <> 'live' AND endedAt IS NULL;
CREATE INDEX contents_pending ON contents(blobId, contentType) WHERE state = 'pending';
`

/** SQL, or what SQL alone cannot do. Runs in a transaction. */
export type Migration = string | ((connection: SqliteConnection) => void)

/** Migrations in order; the version of a schema is how many were applied. Never change one that was published. */
export const MIGRATIONS: readonly Migration[] = [VERSION_1, VERSION_2, postOwnerTags, VERSION_4, VERSION_5]
