/** What this server speaks. @see https://tus.io/protocols/resumable-upload version 1.0.0 */
export const TUS_VERSION = '1.0.0'

/** Type of every body of bytes. */
export const OFFSET_TYPE = 'application/offset+octet-stream'

export const TUS_EXTENSIONS: string = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'expiration',
  'checksum',
  'checksum-trailer',
  'termination',
  'concatenation',
].join(',')

/** Stands in every answer. */
export const TUS_RESUMABLE: readonly string[] = ['Tus-Resumable', TUS_VERSION]
