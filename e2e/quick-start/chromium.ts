import { existsSync } from 'node:fs'

const candidates = [
  process.env['MEDIAKEEP_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Where a Chromium is on this machine. */
export function findChromium(): string | undefined {
  return candidates.find((path) => path !== undefined && existsSync(path))
}

/** Why what needs a browser cannot run here, or `undefined`. */
export const noBrowserReason: string | undefined =
  findChromium() === undefined
    ? 'no Chromium here: apt-get install -y --no-install-recommends chromium, or name one in MEDIAKEEP_CHROMIUM'
    : undefined
