// Pictures made here, so that nothing is downloaded: hills under a sky, another time of day for each name.
import { crc32, deflateSync } from 'node:zlib'

const WIDTH = 720
const HEIGHT = 480
const TIMES = ['dawn', 'morning', 'noon', 'evening', 'dusk', 'night']
/** Sky above, sky at the horizon, hills. */
const COLOURS = {
  dawn: [
    [72, 84, 142],
    [250, 188, 150],
    [58, 52, 88],
  ],
  morning: [
    [96, 160, 214],
    [246, 226, 186],
    [44, 84, 88],
  ],
  noon: [
    [48, 132, 210],
    [196, 228, 240],
    [38, 96, 62],
  ],
  evening: [
    [120, 72, 130],
    [252, 158, 88],
    [66, 38, 62],
  ],
  dusk: [
    [40, 38, 92],
    [206, 98, 122],
    [30, 24, 56],
  ],
  night: [
    [8, 12, 34],
    [46, 62, 108],
    [8, 14, 28],
  ],
}

/** What is there from the beginning. */
export const pictureNames = TIMES
export const MAX_PICTURES = 24

/** `dawn`, ... `night`, `dawn-2`, ... */
export function nameOfNumber(number) {
  const time = TIMES[number % TIMES.length]
  return number < TIMES.length ? time : `${time}-${Math.floor(number / TIMES.length) + 1}`
}

/** A PNG; names that differ have pictures that differ. */
export function drawPicture(name) {
  const [time, number = '1'] = name.split('-')
  const [above, horizon, hill] = COLOURS[time]
  const seed = TIMES.indexOf(time) * 1.7 + Number(number) * 2.3
  const sunX = WIDTH * (0.25 + 0.5 * ((seed * 0.37) % 1))
  const sunY = HEIGHT * (0.22 + 0.24 * ((seed * 0.61) % 1))
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * 3))
  const ridges = [0, 1, 2].map((layer) =>
    Array.from(
      { length: WIDTH },
      (_, x) => HEIGHT * (0.56 + 0.15 * layer) + ridge(x / WIDTH, seed + layer * 5),
    ),
  )
  let at = 0
  for (let y = 0; y < HEIGHT; y++) {
    rows[at++] = 0 // This row is not filtered.
    const sky = mix(above, horizon, Math.min(1, (y / HEIGHT) * 1.5))
    for (let x = 0; x < WIDTH; x++) {
      const layer = ridges.findLastIndex((heights) => y > heights[x])
      const sun = Math.hypot(x - sunX, y - sunY)
      const light = sun < 34 ? 0.95 : 0.5 * Math.exp(-(sun - 34) / 70)
      const colour = layer === -1 ? mix(sky, [255, 248, 228], light) : mix(horizon, hill, 0.45 + 0.27 * layer)
      for (const value of colour) rows[at++] = value
    }
  }
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
  header.writeUInt32BE(WIDTH, 0)
  header.writeUInt32BE(HEIGHT, 4)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  const parts = [
    ['IHDR', header],
    ['IDAT', deflateSync(rows)],
    ['IEND', Buffer.alloc(0)],
  ]
  return Buffer.concat([signature, ...parts.map(([type, data]) => chunk(type, data))])
}

const mix = (from, to, share) => from.map((value, index) => Math.round(value + (to[index] - value) * share))

const ridge = (x, seed) =>
  34 * Math.sin(x * 5 + seed) + 16 * Math.sin(x * 13 + seed * 2) + 5 * Math.sin(x * 37 + seed * 3)

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const chunkOf = Buffer.alloc(body.length + 8)
  chunkOf.writeUInt32BE(data.length, 0)
  body.copy(chunkOf, 4)
  chunkOf.writeUInt32BE(crc32(body), body.length + 4)
  return chunkOf
}
