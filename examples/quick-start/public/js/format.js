const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']

/** `31 MB`, `1.2 GB`: decimal units, as disks are sold, and no more digits than a glance takes in. */
export function formatBytes(bytes) {
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit: units[power],
    unitDisplay: power === 0 ? 'long' : 'short',
    // Tenths where they are bytes that somebody saves: of megabytes and more, and of the first few kilobytes.
    maximumFractionDigits: power > 0 && value < (power > 1 ? 100 : 10) ? 1 : 0,
  }).format(value)
}

export const formatCount = (count) => new Intl.NumberFormat().format(count)

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
export const formatDateTime = (iso) => dateTime.format(new Date(iso))

const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const dateOnly = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
/** The time for today's, the date for older ones. */
export function formatWhen(iso) {
  const at = new Date(iso)
  return at.toDateString() === new Date().toDateString() ? timeOnly.format(at) : dateOnly.format(at)
}

const known = {
  'image/jpeg': 'JPEG',
  'image/svg+xml': 'SVG',
  'audio/mpeg': 'MP3',
  'audio/mp4': 'M4A',
  'audio/x-wav': 'WAV',
  'video/quicktime': 'MOV',
  'video/x-matroska': 'MKV',
  'text/plain': 'Text',
  'application/octet-stream': 'File',
}

/** `image/png` as people say it: PNG. */
export function formatType(contentType) {
  const bare = contentType.split(';')[0].trim().toLowerCase()
  return (
    known[bare] ??
    bare
      .split('/')[1]
      .replace(/^(x-|vnd\.)+/, '')
      .toUpperCase()
      .slice(0, 12)
  )
}

/** `sha256:0a1b2c3d…` shortened for a card; the viewer shows it whole. */
export const shortDigest = (digest) => digest.replace(/^sha256:/, '').slice(0, 8)

/** A hue of the digest: equal bytes have equal colour, so copies are seen before they are read. */
export const digestHue = (digest) => Number.parseInt(shortDigest(digest).slice(0, 4), 16) % 360
