import type { MediaChange, MediaQuery, OpenOptions } from '../contracts/media.ts'
import type { ListAllQuery, MediaStore, SignOptions } from '../contracts/media-store.ts'
import { CALL_OPTIONS, type OptionNames } from '../options/unknown-option.ts'

/* Options of the calls in which one that is misspelt would open, list, change or delete something else. */

export const OPEN: OptionNames<OpenOptions> = { range: true, cold: true, ...CALL_OPTIONS }

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
  ...CALL_OPTIONS,
}

export const DELETE: OptionNames<NonNullable<Parameters<MediaStore['delete']>[1]>> = {
  when: true,
  ...CALL_OPTIONS,
}

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
  ...CALL_OPTIONS,
}

export const LIST: OptionNames<MediaQuery> = { limit: true, cursor: true, ...LIST_ALL }

export const SIGN: OptionNames<SignOptions> = { expiresAt: true, variant: true, download: true, direct: true }
