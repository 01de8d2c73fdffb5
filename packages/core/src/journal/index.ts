export { type GoneLine, headOfLine, type LineHead, parseGone, parseMedia } from './line.ts'
export { createMediaJournal, type JournalDebt, type MediaJournal } from './media-journal.ts'
export { snapshotLines } from './snapshot.ts'
