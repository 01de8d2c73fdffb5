import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { withExif } from './lib/exif.mjs'
import { findProgram } from './lib/programs.mjs'

/*
 * Real media, made by the tools that real users have: a store is only trusted with what encoders truly write.
 * The files are made once per recipe into a folder outside the clone and shared by every test run after that.
 */

const run = promisify(execFile)

const ffmpeg = (...args) => ['ffmpeg', '-hide_banner', '-loglevel', 'error', '-y', ...args]
/** Same input, same bytes: no date and no random salt in the file. (PDF and ZIP have their time of making.) */
const exact = [
  '-fflags',
  '+bitexact',
  '-flags:v',
  '+bitexact',
  '-flags:a',
  '+bitexact',
  '-map_metadata',
  '-1',
]

/**
 * Soft colours with grain: without the grain a photo would be as small as a drawing. All colours are named:
 * those left out are random in every run.
 */
const scene = (size, seed, colours) =>
  `gradients=s=${size}:n=${colours.length}:${colours.map((colour, index) => `c${index}=${colour}`).join(':')}:` +
  `seed=${seed}:duration=10:speed=0.02:rate=30,format=rgb24,noise=alls=14:all_seed=${seed}`
const dusk = ['0x0b2545', '0x3e5c86', '0xd98f7c', '0xf6c28b', '0x2b3a55']
const meadow = ['0x1b4332', '0x52b788', '0xf1e9a0', '0x74a57f']

const recipes = {
  'photo.png': {
    contentType: 'image/png',
    make: (out) => ffmpeg('-f', 'lavfi', '-i', scene('1280x960', 7, dusk), '-frames:v', '1', ...exact, out),
  },
  'photo.jpg': {
    contentType: 'image/jpeg',
    from: 'photo.png',
    make: (out, from) => ffmpeg('-i', from, '-frames:v', '1', '-q:v', '3', ...exact, out),
    exif: true,
  },
  'photo.webp': {
    contentType: 'image/webp',
    from: 'photo.png',
    make: (out, from) => ['cwebp', '-quiet', '-q', '80', from, '-o', out],
  },
  'photo.avif': {
    contentType: 'image/avif',
    from: 'photo.png',
    make: (out, from) => ['avifenc', '--speed', '9', '--jobs', '1', from, out],
  },
  'moving.gif': {
    contentType: 'image/gif',
    make: (out) => ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=320x240:r=10:d=2', '-loop', '0', ...exact, out),
  },
  'drawing.svg': {
    contentType: 'image/svg+xml',
    text: `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" width="400" height="300">
  <rect width="400" height="300" fill="#f4ead5"/>
  <circle cx="140" cy="160" r="90" fill="#d1603d"/>
  <path d="M60 250 L200 60 L340 250 Z" fill="#22577a" fill-opacity="0.8"/>
</svg>
`,
  },
  'video.mp4': {
    contentType: 'video/mp4',
    make: (out) =>
      ffmpeg(
        ...['-f', 'lavfi', '-i', scene('1280x720', 21, meadow)],
        ...['-f', 'lavfi', '-i', 'sine=frequency=440:duration=10'],
        ...['-t', '10', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '26', '-pix_fmt', 'yuv420p'],
        ...['-g', '30', '-threads', '1', '-c:a', 'aac', '-b:a', '96k', '-movflags', '+faststart'],
        ...exact,
        out,
      ),
  },
  'video.webm': {
    contentType: 'video/webm',
    make: (out) =>
      ffmpeg(
        ...['-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25:d=4'],
        ...['-f', 'lavfi', '-i', 'sine=frequency=330:duration=4'],
        ...['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1M', '-threads', '1'],
        ...['-c:a', 'libopus', '-b:a', '64k'],
        ...exact,
        out,
      ),
  },
  'song.mp3': {
    contentType: 'audio/mpeg',
    make: (out) =>
      ffmpeg(
        ...['-f', 'lavfi', '-i', 'sine=frequency=523:duration=6'],
        ...['-c:a', 'libmp3lame', '-b:a', '128k', '-id3v2_version', '3'],
        ...exact,
        ...['-metadata', 'title=Six seconds of C'],
        out,
      ),
  },
  'sound.wav': {
    contentType: 'audio/wav',
    make: (out) => ffmpeg('-f', 'lavfi', '-i', 'sine=frequency=262:duration=2', ...exact, out),
  },
  'paper.pdf': {
    contentType: 'application/pdf',
    make: (out) => [
      ...['gs', '-q', '-dBATCH', '-dNOPAUSE', '-dSAFER', '-sDEVICE=pdfwrite', '-sPAPERSIZE=a4'],
      ...[`-sOutputFile=${out}`, '-c'],
      '/Helvetica findfont 36 scalefont setfont 72 700 moveto (Real media, kept once.) show showpage',
    ],
  },
  'notes.txt': {
    contentType: 'text/plain',
    text: 'Notes for the garden.\nKürbis, Ñora, 胡瓜: sow after the last frost.\n',
  },
  'bundle.zip': {
    contentType: 'application/zip',
    from: 'notes.txt',
    make: (out, from) => ['zip', '-q', '-X', '-j', out, from],
  },
}

const installHint =
  'apt-get install -y --no-install-recommends ffmpeg webp libavif-bin ghostscript zip (or the same by another package manager)'

const toolsUsed = [
  ...new Set(Object.values(recipes).flatMap((recipe) => recipe.make?.('out', 'from').slice(0, 1) ?? [])),
]

/** The programs that are needed and are not on this machine's PATH. Empty: `fixtures()` will work. */
export function missingTools() {
  return toolsUsed.filter((tool) => findProgram(tool) === undefined)
}

/** One sentence that names what is missing and how to get it, or `undefined`. */
export function missingToolsReason() {
  const missing = missingTools()
  return missing.length === 0
    ? undefined
    : `real media cannot be made without ${missing.join(', ')}: ${installHint}`
}

function recipeHash() {
  const words = Object.entries(recipes).map(([name, recipe]) => [
    name,
    recipe.text ?? recipe.make('OUT', recipe.from ?? ''),
    recipe.exif === true,
  ])
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 16)
}

async function makeAll(folder) {
  for (const [name, recipe] of Object.entries(recipes)) {
    const out = join(folder, name)
    if (recipe.text !== undefined) {
      await writeFile(out, recipe.text)
      continue
    }
    const [tool, ...args] = recipe.make(out, recipe.from === undefined ? '' : join(folder, recipe.from))
    try {
      await run(tool, args, { cwd: folder, timeout: 120_000 })
    } catch (error) {
      throw new Error(`fixtures: ${tool} could not make ${name}: ${error.stderr || error.message}`, {
        cause: error,
      })
    }
    if (recipe.exif === true) await writeFile(out, withExif(await readFile(out)))
    if ((await stat(out)).size === 0) throw new Error(`fixtures: ${tool} left ${name} empty`)
  }
}

/** Makes them aside and renames: another test process never sees half a folder. */
async function ensureFolder() {
  const parent = join(tmpdir(), 'mediakeep-fixtures')
  const folder = join(parent, recipeHash())
  if (existsSync(folder)) return folder
  const reason = missingToolsReason()
  if (reason !== undefined) throw new Error(`fixtures: ${reason}`)
  const aside = join(parent, `making-${randomUUID()}`)
  await mkdir(aside, { recursive: true })
  try {
    await makeAll(aside)
    await rename(aside, folder)
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

let made

/**
 * Real files of every common kind: `{ 'photo.jpg': { path, contentType }, ... }`.
 * Made on the first call (some seconds), found again by later ones, also of other processes.
 * @returns {Promise<Record<string, { path: string, contentType: string }>>}
 * @throws Error naming the tools that are missing, or the one that failed.
 */
export function fixtures() {
  made ??= ensureFolder().then((folder) =>
    Object.fromEntries(
      Object.entries(recipes).map(([name, { contentType }]) => [
        name,
        { path: join(folder, name), contentType },
      ]),
    ),
  )
  return made
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, { path }] of Object.entries(await fixtures())) {
    console.log(`${name.padEnd(12)} ${String((await stat(path)).size).padStart(9)} bytes  ${path}`)
  }
}
