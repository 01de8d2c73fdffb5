/**
 * Version 1. All tables that the design knows, also those no code uses yet: adding a column later is cheap, changing
 * what a key means is not. Ids are text, sorted by their bytes whatever the locale of the database: UUIDv7 sort by
 * time then, and walks and lists go along indexes. Times are milliseconds. JSON is text, kept as it was written.
 */
const ID = 'TEXT COLLATE "C" NOT NULL'
const OPTIONAL_ID = 'TEXT COLLATE "C"'
const BIG = 'BIGINT NOT NULL'
const TEXT = 'TEXT NOT NULL'

const VERSION_1 = `
CREATE TABLE @volumes(id ${ID}, tier ${TEXT}, host_id TEXT, layout ${BIG}, CONSTRAINT volumes_id PRIMARY KEY (id));

-- Sums over placements of a volume ('v:' subject) or contents of an owner ('o:'), kept in the same transaction. Several
-- rows add up: puts that change one row wait for each other's commits.
CREATE TABLE @totals(subject ${ID}, shard ${BIG}, items ${BIG}, bytes ${BIG},
  CONSTRAINT totals_subject PRIMARY KEY (subject, shard));
-- What limited reservations of one subject lock while they add up. Never changed.
CREATE TABLE @gates(subject ${ID}, CONSTRAINT gates_subject PRIMARY KEY (subject));

CREATE TABLE @blobs(id ${ID}, domain ${ID}, digest BYTEA, size_bytes ${BIG}, state ${TEXT}, condemned_at BIGINT,
  verified_at BIGINT, verdict TEXT, chunk_sums BYTEA,
  CONSTRAINT blobs_id PRIMARY KEY (id), CONSTRAINT blobs_digest UNIQUE (domain, digest));
-- What garbage collection looks at: blobs that lost a reference, and condemned ones. Never all of them.
CREATE INDEX blobs_loose ON @blobs(state, condemned_at) WHERE state <> 'live';

CREATE TABLE @placements(id ${ID}, blob_id ${ID}, volume_id ${ID}, key ${ID}, state ${TEXT}, owned BOOLEAN NOT NULL,
  stored_bytes ${BIG}, etag TEXT, version_id TEXT, fence BIGINT NOT NULL DEFAULT 0, left_at BIGINT,
  verified_at BIGINT, envelope BYTEA,
  CONSTRAINT placements_id PRIMARY KEY (id), CONSTRAINT placements_key UNIQUE (volume_id, key));
CREATE INDEX placements_blob ON @placements(blob_id, id);
-- A collector asks for all that leave, or for those of the volumes it reaches.
CREATE INDEX placements_left ON @placements(left_at) WHERE state = 'leaving';
CREATE INDEX placements_leaving ON @placements(volume_id, left_at) WHERE state = 'leaving';
CREATE INDEX placements_external ON @placements(volume_id, key, stored_bytes) WHERE NOT owned;

CREATE TABLE @media(namespace ${ID}, id ${ID}, key ${OPTIONAL_ID}, owner ${TEXT}, visibility ${TEXT}, revision ${BIG},
  content_number ${BIG}, created_at ${BIG}, updated_at ${BIG}, tags ${TEXT}, links ${TEXT}, metadata ${TEXT},
  CONSTRAINT media_namespace_id PRIMARY KEY (namespace, id), CONSTRAINT media_id UNIQUE (id),
  CONSTRAINT media_key UNIQUE (namespace, key));
-- media.content_number is the one that serves.
CREATE TABLE @contents(media_id ${ID}, number ${BIG}, blob_id ${ID}, content_type ${TEXT}, filename ${TEXT},
  facts ${TEXT}, state ${TEXT}, created_at ${BIG}, CONSTRAINT contents_number PRIMARY KEY (media_id, number));
CREATE INDEX contents_blob ON @contents(blob_id);
CREATE TABLE @derivatives(parent_blob_id ${ID}, operations ${ID}, encoder ${ID}, blob_id ${ID},
  CONSTRAINT derivatives_id PRIMARY KEY (parent_blob_id, operations, encoder));
CREATE INDEX derivatives_blob ON @derivatives(blob_id);
-- Posting lists: every filter of a list is one range of this key, in order of creation.
CREATE TABLE @terms(namespace ${ID}, term ${ID}, media_id ${ID},
  CONSTRAINT terms_posting PRIMARY KEY (namespace, term, media_id));
CREATE VIEW @links(namespace, media_id, link) AS
  SELECT m.namespace, m.id, e.link FROM @media m CROSS JOIN LATERAL json_array_elements(m.links::json) AS e(link);

CREATE TABLE @sessions(id ${ID}, namespace ${ID}, owner ${TEXT}, media_id ${OPTIONAL_ID}, fence ${BIG}, expires_at ${BIG},
  offset_bytes ${BIG}, state ${TEXT}, idempotency_key TEXT, declared ${TEXT},
  CONSTRAINT sessions_id PRIMARY KEY (id));
CREATE INDEX sessions_expiry ON @sessions(expires_at);
CREATE INDEX sessions_namespace ON @sessions(namespace);
-- What an idempotency key stands for: a session under way, or the media its put made.
CREATE TABLE @outcomes(namespace ${ID}, owner ${ID}, idempotency_key ${ID}, session_id ${OPTIONAL_ID},
  media_id ${OPTIONAL_ID}, expires_at ${BIG},
  CONSTRAINT outcomes_key PRIMARY KEY (namespace, owner, idempotency_key));
CREATE INDEX outcomes_expiry ON @outcomes(expires_at);
CREATE INDEX outcomes_session ON @outcomes(session_id) WHERE session_id IS NOT NULL;
-- placement_id is empty where only the blob is pinned.
CREATE TABLE @pins(session_id ${ID}, blob_id ${ID}, placement_id ${ID},
  CONSTRAINT pins_session PRIMARY KEY (session_id, blob_id, placement_id));
CREATE INDEX pins_blob ON @pins(blob_id);
CREATE TABLE @reservations(session_id ${ID}, subject ${ID}, bytes ${BIG},
  CONSTRAINT reservations_session PRIMARY KEY (session_id, subject));
CREATE INDEX reservations_subject ON @reservations(subject);

CREATE TABLE @outbox(id ${ID}, kind ${TEXT}, media_id ${OPTIONAL_ID}, payload ${TEXT}, claimed_until BIGINT,
  CONSTRAINT outbox_id PRIMARY KEY (id));
CREATE TABLE @ledger(day ${ID}, volume_id ${ID}, class ${ID}, cause ${ID}, calls ${BIG}, bytes ${BIG},
  CONSTRAINT ledger_sum PRIMARY KEY (day, volume_id, class, cause));
-- Of one day: all that was taken and not given back.
CREATE TABLE @spending(budget ${ID}, day ${ID}, spent ${BIG}, CONSTRAINT spending_day PRIMARY KEY (budget, day));
-- seq tells which was planned first; numbers may be missing.
CREATE TABLE @moves(seq BIGINT GENERATED BY DEFAULT AS IDENTITY, id ${ID}, blob_id ${ID}, to_volume_id ${ID},
  drop_placement_id ${OPTIONAL_ID}, cause ${TEXT}, rank DOUBLE PRECISION NOT NULL, fence ${BIG}, attempts ${BIG},
  not_before ${BIG}, last_error TEXT,
  CONSTRAINT moves_seq PRIMARY KEY (seq), CONSTRAINT moves_id UNIQUE (id),
  CONSTRAINT moves_target UNIQUE (blob_id, to_volume_id));
CREATE INDEX moves_due ON @moves(to_volume_id, rank, seq);
`

/**
 * Version 2. Sessions of uploads, whose state is not `live`: what is told of them after they ended, who is at them, and
 * those of an owner that are open. Blobs with a content that waits for a verdict.
 */
const VERSION_2 = `
ALTER TABLE @sessions ADD COLUMN locked_until BIGINT, ADD COLUMN ended_at BIGINT;
CREATE INDEX sessions_open ON @sessions(namespace, owner, expires_at) WHERE state <> 'live' AND ended_at IS NULL;
CREATE INDEX contents_pending ON @contents(blob_id, content_type) WHERE state = 'pending';
`

/** Migrations in order; the version of a schema is how many were applied. Never change one that was published. */
export const MIGRATIONS: readonly string[] = [VERSION_1, VERSION_2]
