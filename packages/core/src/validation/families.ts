/**
 * Names of one thing. A body may be declared or named by any type of its family:
 * the same bytes are called `audio/mp3` by one browser and `audio/mpeg` by another.
 */
const FAMILIES: readonly (readonly string[])[] = [
  ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  ['image/png', 'image/apng', 'image/x-png', 'image/vnd.mozilla.apng'],
  ['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence'],
  ['image/avif', 'image/avif-sequence'],
  ['image/bmp', 'image/x-ms-bmp', 'image/x-bmp'],
  ['image/x-icon', 'image/vnd.microsoft.icon'],
  [
    'video/mp4',
    'video/x-m4v',
    'audio/mp4',
    'audio/x-m4a',
    'audio/m4a',
    'video/quicktime',
    'audio/aac',
    'video/3gpp',
    'audio/3gpp',
    'video/3gpp2',
    'application/mp4',
  ],
  ['video/webm', 'audio/webm', 'video/x-matroska', 'audio/x-matroska', 'video/matroska', 'audio/matroska'],
  ['video/ogg', 'audio/ogg', 'application/ogg', 'audio/opus', 'audio/vorbis', 'audio/ogg; codecs=opus'],
  ['audio/mpeg', 'audio/mp3', 'audio/x-mp3', 'audio/mpeg3', 'audio/mpa'],
  ['audio/wav', 'audio/x-wav', 'audio/vnd.wave', 'audio/wave'],
  ['audio/flac', 'audio/x-flac'],
  ['audio/aac', 'audio/aacp', 'audio/x-aac', 'audio/x-hx-aac-adts'],
  ['audio/aiff', 'audio/x-aiff'],
  ['video/x-ms-asf', 'audio/x-ms-asf', 'video/x-ms-wmv', 'audio/x-ms-wma', 'application/vnd.ms-asf'],
  ['video/x-msvideo', 'video/avi', 'video/vnd.avi', 'video/msvideo'],
  ['video/mp2t', 'video/mpeg', 'video/MP2P', 'video/mp1s', 'video/mp2p'],
  ['application/zip', 'application/x-zip-compressed', 'application/x-zip'],
  ['application/gzip', 'application/x-gzip'],
  ['text/xml', 'application/xml'],
  ['image/svg+xml', 'image/svg'],
  [
    'text/plain',
    'text/markdown',
    'text/csv',
    'text/vtt',
    'application/x-subrip',
    'text/srt',
    'application/json',
    'text/json',
    'text/tab-separated-values',
  ],
]

const membership = new Map<string, number[]>()
for (const [index, family] of FAMILIES.entries()) {
  for (const type of family)
    membership.set(type.toLowerCase(), [...(membership.get(type.toLowerCase()) ?? []), index])
}

/** Whether both names may stand for the same bytes. Types are essences in lower case. */
export function isSameFamily(a: string, b: string): boolean {
  if (a === b) return true
  const families = membership.get(a)
  return families !== undefined && (membership.get(b)?.some((index) => families.includes(index)) ?? false)
}
