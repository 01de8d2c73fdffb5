import type { Call } from '../contracts/call.ts'
import type { MediaChange, MediaQuery, OpenOptions } from '../contracts/media.ts'
import type { ListAllQuery, MediaStore, SignOptions } from '../contracts/media-store.ts'
import type { OptionNames } from '../validation/members.ts'

/** Options of the calls in which one that is misspelt would open, list, change or delete something else. */
const CALL: OptionNames<Call> = { signal: true, deadlineAt: true, context: true }

export const OPEN: OptionNames<OpenOptions> = { range: true, cold: true, ...CALL }

export const CHANGE: OptionNames<MediaChange> = {
  key: true,
  filename: true,
  owner: true,
  visibility: true,
  tags: true,
  metadata: true,
  links: true,
}

export const UPDATE: OptionNames<NonNullable<Parameters<MediaStore['update']>[2]>> = {
  ifRevision: true,
  ...CALL,
}

export const DELETE: OptionNames<NonNullable<Parameters<MediaStore['delete']>[1]>> = { when: true, ...CALL }

export const LIST_ALL: OptionNames<ListAllQuery> = {
  owner: true,
  type: true,
  state: true,
  tag: true,
  link: true,
  key: true,
  q: true,
  createdAfter: true,
  createdBefore: true,
  ...CALL,
}

export const LIST: OptionNames<MediaQuery> = { limit: true, cursor: true, ...LIST_ALL }

export const SIGN: OptionNames<SignOptions> = { expiresAt: true, variant: true, download: true, direct: true }
