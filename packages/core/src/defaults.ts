import { GiB, KiB, MiB } from './bytes/sizes.ts'

/** Every default of core in one place; the reference table is made from this file. */

/** Namespace of a store that was not asked for another. */
export const DEFAULT_NAMESPACE = 'default'
/** Largest body taken when no policy says otherwise. */
export const MAX_BODY_BYTES: number = 64 * GiB
/** Uploads that may be under way at once; more are MEDIA_BUSY before their body is read. */
export const MAX_UPLOADS_IN_FLIGHT = 256
/** Bodies up to this size are held in memory while they are hashed, larger ones are staged. */
export const MEMORY_BODY_BYTES: number = 1 * MiB
/** What all bodies on their way in may hold in memory together; a body that comes on top is staged, however small. */
export const MEMORY_BODIES_BYTES: number = 64 * MiB
/** Verified small objects kept in memory for reading. */
export const READ_CACHE_BYTES: number = 64 * MiB
/** Objects up to this size go into the read cache. */
export const READ_CACHE_OBJECT_BYTES: number = 64 * KiB
/** Chunk sums kept in memory: 4 bytes for each 64 KiB of the objects that are read in ranges. */
export const SUMS_CACHE_BYTES: number = 16 * MiB
/** How long bytes of an unchanged file count as verified. */
export const VERIFIED_FOR_MS = 60_000
/** Life of an upload session; extended while bytes arrive. */
export const SESSION_TTL_MS: number = 10 * 60_000
/** Unknown lengths reserve room in steps of this size. */
export const RESERVE_STEP_BYTES: number = 64 * MiB
/** How long bytes stay after their last reference went. */
export const GARBAGE_GRACE_MS: number = 60 * 60_000
/** Uploads in parts that were begun so long ago and did not become an object are ended: no body is so long on its way. */
export const UPLOAD_SWEEP_AFTER_MS: number = 7 * 24 * 60 * 60_000
/** Garbage collection brakes only when at least so many objects would go. */
export const GC_BRAKE_OBJECTS = 1_000
/** Objects without a record brake from so many on: a crash leaves few, a bucket that another installation uses as well is full of them. */
export const GC_BRAKE_ORPHANS = 20
/** Share of all objects that may go at once without being forced. */
export const GC_BRAKE_RATIO = 0.2
/** How often the background looks at every blob and lists the volumes for objects without a row. */
export const THOROUGH_INTERVAL_MS: number = 24 * 60 * 60_000
/** Every copy is read again in the background when it was last verified this long ago. */
export const VERIFY_INTERVAL_MS: number = 30 * 24 * 60 * 60_000
/** Bytes a second that verifying in the background may read. */
export const VERIFY_BYTES_PER_SECOND: number = 16 * MiB
/** Pause between rounds of upkeep in the background. */
export const UPKEEP_INTERVAL_MS: number = 10 * 60_000
/** How long `close` waits for calls under way. */
export const CLOSE_GRACE_MS = 10_000
/** How long a look at a volume's marker counts. */
export const VOLUME_CHECK_MS = 1_000
/** The same where each look is a paid request. */
export const PAID_VOLUME_CHECK_MS = 60_000
/** A volume behind a network that was found offline is looked at again after this time. */
export const OFFLINE_CHECK_MS = 2_000
/** Events that wait for a slow consumer. */
export const EVENT_QUEUE_LENGTH = 1_024
/** `Retry-After` of MEDIA_BUSY. */
export const BUSY_RETRY_AFTER_MS = 2_000
/** Room of a memory store for objects and for bodies on their way in. */
export const MEMORY_STORE_MAX_BYTES: number = 1 * GiB
/** Ranges in one Range header; with more, the whole body is sent. */
export const MAX_RANGE_PARTS = 16
/** How long a browser may use a signed content without asking, when its signature lives that long. */
export const SIGNED_MAX_AGE_SECONDS = 300
/** Longest life of an address that reads a bucket directly; copies that are told to leave stay so long. */
export const DIRECT_URL_MAX_MS: number = 15 * 60_000
/** How long an address may be used by which a body is put, when nobody says ... */
export const SIGNED_UPLOAD_TTL_MS: number = 15 * 60_000
/** ... and at most. */
export const SIGNED_UPLOAD_MAX_MS: number = 60 * 60_000
/** How far clocks of hosts that share keys may be apart. */
export const SIGNED_UPLOAD_SKEW_MS: number = 5 * 60_000
/** Freshness of "not found" for public names, asked without credentials. */
export const ABSENT_MAX_AGE_SECONDS = 60
/** The same for names the host chooses: an upload under that name may follow soon. */
export const ABSENT_KEY_MAX_AGE_SECONDS = 5
/** `Retry-After` of "not ready", "busy" and "too many requests" that say no time of their own. */
export const RETRY_AFTER_MS = 1_000
/** File names are cut to this many UTF-8 bytes. */
export const MAX_FILENAME_BYTES = 255
/** Host-chosen keys may be this many UTF-8 bytes long. */
export const MAX_KEY_BYTES = 1_024
/** Tags of one media. */
export const MAX_TAGS = 64
/** Length of one tag in UTF-8 bytes. */
export const MAX_TAG_BYTES = 128
/** User metadata as JSON. */
export const MAX_METADATA_BYTES: number = 16 * KiB
/** Objects and arrays within each other in user metadata. */
export const MAX_METADATA_DEPTH = 16
/** Links of one media that one request may set. */
export const MAX_LINKS = 64
/** Length of a link's target in UTF-8 bytes. */
export const MAX_LINK_TARGET_BYTES = 512
/** Records of a page when the query names no limit. */
export const DEFAULT_PAGE_SIZE = 50
/** Most records of one page. */
export const MAX_PAGE_SIZE = 100
/** How long an idempotency key answers with its first outcome. */
export const IDEMPOTENCY_TTL_MS: number = 24 * 60 * 60_000
/** Bodies on their way in on one volume, all together; more are MEDIA_BUSY. */
export const STAGING_BUDGET_BYTES: number = 64 * GiB
/** A body of unknown length reserves staging in steps of this size. */
export const STAGING_STEP_BYTES: number = 16 * MiB
/** Room that staging leaves free on its file system. */
export const STAGING_HEAD_ROOM_BYTES: number = 64 * MiB
/** What a dead session left is removed when it is this old. */
export const SWEEP_AFTER_MS: number = 60 * 60_000
/** Largest object that a body in pieces is kept in where a volume has no staging, and what a writer of one holds in memory. */
export const PARTIAL_PIECE_BYTES: number = 8 * MiB
/** How long a line of a journal may wait for its sync. */
export const JOURNAL_SYNC_MS = 1_000
/** A journal is compacted when it is larger than this ... */
export const JOURNAL_COMPACT_BYTES: number = 32 * MiB
/** ... and so many times as large as a snapshot would be. */
export const JOURNAL_COMPACT_RATIO = 4
/** How long a line of a deletion outlives its media in snapshots: longer than any call that may still write of it takes. */
export const GONE_LINE_MS: number = 60 * 60_000
/** Deletions that are kept for a journal that takes no line. */
export const MAX_UNKEPT_LINES = 10_000
/** Object files that a file system store keeps open after use. */
export const MAX_IDLE_FILES = 256
/** How long a settled resource state is believed when nobody invalidates it. */
export const SETTLED_STATE_TTL_MS: number = 10 * 60_000
/** Settled resource states that a process keeps. */
export const STATE_TABLE_ENTRIES = 100_000
/** Leases of resources that may be live at once in a process. */
export const STATE_TABLE_LEASES = 10_000
/** Longest lease, and longest time that anything is told to wait. */
export const MAX_LEASE_MS: number = 24 * 60 * 60_000
/** Longest key of a resource state in UTF-8 bytes. */
export const MAX_STATE_KEY_BYTES = 256
/** When to ask again for what is loading, where its loader gave no estimate. */
export const LOADING_RETRY_AFTER_MS = 1_000
/** Shortest of such times: what should be done by now is not asked for in a tight loop. */
export const MIN_LOADING_RETRY_AFTER_MS = 100
/** Calls that may wait for a place in a store with a limit. */
export const LIMIT_MAX_QUEUED = 1_024
/** Failures in a row after which a store with a circuit breaker is left alone. */
export const CIRCUIT_CONSECUTIVE_FAILURES = 5
/** Share of the calls of `CIRCUIT_WINDOW_MS` that must have failed for the same ... */
export const CIRCUIT_FAILURE_RATIO = 0.5
/** ... when so many failed at least. */
export const CIRCUIT_MIN_FAILURES = 10
/** How far back calls are looked at for that share. */
export const CIRCUIT_WINDOW_MS = 10_000
/** How long a store that failed is left alone; doubles with each probe that fails. */
export const CIRCUIT_OPEN_MS = 5_000
/** Longest such time. */
export const CIRCUIT_MAX_OPEN_MS = 60_000
/** A deadline that passed sooner says nothing about the backend. */
export const CIRCUIT_MIN_TIMEOUT_MS = 1_000
/** Attempts of a store with retries, the first one included. */
export const RETRY_MAX_ATTEMPTS = 4
/** Pause before the second attempt. */
export const RETRY_BASE_MS = 100
/** Longest pause between two attempts. */
export const RETRY_MAX_DELAY_MS = 5_000
/** How long a probe of a store that is down may take. */
export const FAILOVER_PROBE_TIMEOUT_MS = 5_000
/** Deletions that may be owed to stores of a failover that are down. */
export const FAILOVER_MAX_OWED = 10_000
/** Keys that a process remembers as put into another store than the preferred one. */
export const FAILOVER_MAX_PLACES = 100_000
/** How long attempts wait in memory before they are added to the ledger. */
export const LEDGER_FLUSH_MS = 5_000
/** How long a budget that was found spent is taken to be so before the catalog is asked again. */
export const BUDGET_RECHECK_MS = 10_000
/** How long a burst lasts at least. */
export const BURST_HOLD_MS = 10_000
/** How long the sums of a volume's bytes are used before the catalog is asked again; own writes are added meanwhile. */
export const USAGE_FRESH_MS = 1_000
/** Copies that move at once. */
export const MAX_MOVES = 4
/** How often planned moves are looked for. */
export const MOVE_POLL_MS = 5_000
/** Where a rule has an age: records that one round in the background looks at, for media that came of it ... */
export const AGE_ROUND_RECORDS = 1_000
/** ... how often there is a round while it goes through all records ... */
export const AGE_ROUND_MS = 60_000
/** ... and how often it begins with the first. */
export const AGE_WALK_MS: number = 60 * 60_000
/** How long a claimed move belongs to its host. */
export const MOVE_LEASE_MS: number = 5 * 60_000
/** First pause before a move that failed is tried again; it doubles up to the last one. */
export const MOVE_RETRY_MS = 1_000
export const MOVE_RETRY_MAX_MS: number = 5 * 60_000
/** Reads within the window that make a media worth a copy on a serving tier. */
export const PROMOTE_READS = 2
/** The window. */
export const PROMOTE_WINDOW_MS: number = 60 * 60_000
/** Larger media are not promoted by reading. */
export const PROMOTE_MAX_BYTES: number = 1 * GiB
/** Media whose reads are remembered for promotion, at most. */
export const PROMOTE_MEMORY = 65_536
/** Blobs of which it is known when they were read last. */
export const LAST_READS = 65_536
/** Life of a lease on a load or another copy; it is extended while bytes come. */
export const LOAD_LEASE_MS = 30_000
/** First pause before it is looked whether the copy that another host makes is there; it doubles up to the last one. */
export const COPY_POLL_MS = 25
export const COPY_POLL_MAX_MS = 1_000
/** How long a load that failed is not tried again by itself. */
export const LOAD_RETRY_MS = 5_000
/** Of a tier's capacity: from here on it is full. */
export const HIGH_WATERMARK_RATIO = 0.9
/** Of a tier's capacity: how far it is relieved then. */
export const LOW_WATERMARK_RATIO = 0.8
/** Most memory in which an eviction policy remembers how often objects were asked for: enough for 250,000 residents. */
export const EVICTION_MEMORY_BYTES: number = 8 * MiB
/** Pause between two reconciliations of an external tier. */
export const RECONCILE_INTERVAL_MS: number = 24 * 60 * 60_000
/** The first is this long after the start. */
export const RECONCILE_FIRST_MS: number = 60 * 60_000
/** Reconciling brakes only when at least so many objects would be forgotten. */
export const RECONCILE_BRAKE_OBJECTS = 100
/** Share of the known objects that may be forgotten at once without being forced. */
export const RECONCILE_BRAKE_RATIO = 0.2
/** Objects that one reconciliation forgets at most; the next goes on. */
export const MAX_MISSING_REMEMBERED = 50_000
/** Known objects compared at once with a listing that is in no order. */
export const UNORDERED_BLOCK_OBJECTS = 100_000
/** Objects that are looked at by themselves at the same time. */
export const LOOK_LANES = 8
/** Keys that wait to be looked at; hints that come on top wait at their source. */
export const MAX_WAITING_HINTS = 10_000
/** How often a hint is tried. */
export const HINT_ATTEMPTS = 5
/** First pause before a hint that failed is tried again; it doubles. */
export const HINT_RETRY_MS = 2_000
/** First pause before a source of hints that ended or failed is asked anew; it doubles up to the last one. */
export const FOLLOW_RETRY_MS = 1_000
export const FOLLOW_RETRY_MAX_MS: number = 5 * 60_000
/** How long one look of a scanner may take. */
export const SCAN_TIMEOUT_MS: number = 5 * 60_000
/** Looks in the background at once. */
export const MAX_BACKGROUND_SCANS = 2
/** Media that wait in memory for their look; others wait in the catalog, for the next round. */
export const MAX_WAITING_SCANS = 1_000
/** How often a look that failed is tried again before the next round. */
export const SCAN_ATTEMPTS = 5
/** First pause before that; it doubles. */
export const SCAN_RETRY_MS = 1_000
/** How long an upload may rest before it is swept. */
export const UPLOAD_TTL_MS: number = 24 * 60 * 60_000
/** Longest life that any upload may be given. */
export const UPLOAD_MAX_TTL_MS: number = 7 * 24 * 60 * 60_000
/** How long an upload that has ended is still told of. */
export const ENDED_UPLOAD_TTL_MS: number = 24 * 60 * 60_000
/** What is left, at most, of the life of a part that was used, where its owner has a quota: it counts for that until then. */
export const USED_PART_TTL_MS: number = 60 * 60_000
/** How long an upload belongs to the process that writes it; extended while bytes come. */
export const UPLOAD_LEASE_MS = 10_000
/** What a process that dies in a long piece may cost its sender: after so many bytes they are made durable, and told. */
export const TELL_EVERY_BYTES: number = 64 * MiB
/** A sender that has moved no byte for so long gives way to the next one. */
export const UPLOAD_STALL_MS = 2_000
/** How long the next one waits for an upload that is being written. */
export const UPLOAD_LOCK_WAIT_MS = 10_000
/** Uploads that an owner may have open at once. */
export const MAX_OPEN_UPLOADS = 100
/** Bytes of each chunk but the last. */
export const UPLOAD_CHUNK_BYTES: number = 8 * MiB
/** Smallest and largest that a host may choose. */
export const MIN_UPLOAD_CHUNK_BYTES: number = 256 * KiB
export const MAX_UPLOAD_CHUNK_BYTES: number = 64 * MiB
/** Most chunks of one upload. */
export const MAX_UPLOAD_CHUNKS = 10_000
/** From this length on a body that goes straight to a bucket goes in parts, where nobody said otherwise. */
export const DIRECT_PARTS_FROM_BYTES: number = 100 * MiB
/** Bytes of each of these parts but the last; more where 10,000 of them would not do. */
export const DIRECT_PART_BYTES: number = 16 * MiB
/** Parts of unknown lengths that may be signed ahead of what the bucket has: it is looked at before more. */
export const DIRECT_PARTS_AHEAD = 64
/** Addresses of parts that one request signs. */
export const MAX_SIGNED_PARTS = 1_000
/** Most parts of one concatenation. */
export const MAX_UPLOAD_PARTS = 1_000
/** Uploads whose hashing goes on where it stopped, in this process; others are read once more. */
export const MAX_RUNNING_DIGESTS = 1_000
/** When to ask again for an external object that was found changed. */
export const OBJECT_CHANGED_RETRY_MS = 1_000
/** Pixels of one image. */
export const MAX_PIXELS = 50_000_000
/** Frames of an animation, pages of a document of images. */
export const MAX_FRAMES = 1_000
/** Pixels of all frames of one image together. */
export const MAX_TOTAL_PIXELS = 1_000_000_000
/** Files and folders in an archive. */
export const MAX_ARCHIVE_ENTRIES = 10_000
/** What an archive may take unpacked. */
export const MAX_ARCHIVE_TOTAL_BYTES: number = 1 * GiB
/** Unpacked bytes for each packed one in an archive. */
export const MAX_ARCHIVE_RATIO = 100
/** Bodies looked at in depth at the same time, at most: each has a thread of its own. */
export const MAX_INSPECTIONS = 2
/** Bodies that may wait for such a look; more are MEDIA_BUSY. */
export const MAX_QUEUED_INSPECTIONS = 256
/** How long one look may take. */
export const INSPECTION_TIMEOUT_MS = 10_000
/** How long a thread that has nothing to look at is kept. */
export const INSPECTION_IDLE_MS = 30_000
/** What one look may read of a body, all in all. */
export const INSPECTION_READ_BYTES: number = 256 * MiB
