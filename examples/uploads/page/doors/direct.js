import { createDirectParts } from './direct-parts.js'
import { createDirectWhole } from './direct-whole.js'

/** From here on in parts, which may be paused; a break costs one of them. A single PUT ends at 5 GiB, too. */
const PARTS_FROM_BYTES = 16 * 1024 * 1024

/** Straight to a bucket by Uppy; where the store has none it gives an address of its own, and nothing here differs. */
export function createDirectDoor({ hasBucket }) {
  const whole = createDirectWhole()
  const parts = createDirectParts()
  return {
    goesOn: false,
    begin: (file, options) =>
      hasBucket && file.size >= PARTS_FROM_BYTES ? parts.begin(file, options) : whole.begin(file, options),
  }
}
