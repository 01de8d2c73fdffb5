const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']

/** `31 MB`, `1.2 GB`: decimal units, as disks are sold. */
export function formatBytes(bytes) {
  const power = bytes < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1_000 ** power
  return new Intl.NumberFormat(undefined, {
    style: 'unit',
    unit: UNITS[power],
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power > 0 && value < 100 ? 1 : 0,
  }).format(value)
}

export const percentOf = ({ sentBytes, sizeBytes }) =>
  sizeBytes === 0 ? 0 : Math.floor((sentBytes / sizeBytes) * 100)

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
export function formatWhen(iso) {
  const at = new Date(iso)
  return at.toDateString() === new Date().toDateString() ? time.format(at) : date.format(at)
}
