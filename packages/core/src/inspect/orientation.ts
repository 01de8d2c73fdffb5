/** Orientations of EXIF as a mirror (left and right exchanged) and then quarters of a turn to the right. */
const TURNS = [1, 6, 3, 8]
const MIRRORED_TURNS = [2, 7, 4, 5]

/** What is done to stored pixels, in order, to show them. */
export type Turn =
  | { readonly kind: 'right'; readonly quarters: number }
  | { readonly kind: 'mirror'; readonly exchanges: 'left-right' | 'top-bottom' }

/** The orientation (1 to 8, as EXIF counts) that these come to. */
export function orientationOf(turns: readonly Turn[]): number {
  let quarters = 0
  let isMirrored = false
  for (const turn of turns) {
    if (turn.kind === 'right') quarters += turn.quarters
    else {
      // A turn and a mirror behind it is the mirror and the turn back behind it; top for bottom is half a turn more.
      quarters = (turn.exchanges === 'left-right' ? 0 : 2) - quarters
      isMirrored = !isMirrored
    }
  }
  return (isMirrored ? MIRRORED_TURNS : TURNS)[((quarters % 4) + 4) % 4] ?? 1
}
