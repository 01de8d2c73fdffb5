import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toolPath } from '../../scripts/lib/run.mjs'
import { installApp } from './app.ts'
import { run } from './commands.ts'
import { packAll, publicPackages, rootFolder, type Tarball } from './tarballs.ts'

let scratch: string
let tarballs: readonly Tarball[]
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'mediakeep-packages-'))
  tarballs = await packAll(scratch)
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const tarballOf = (name: string): string => {
  const found = tarballs.find((tarball) => tarball.name === name)
  if (found === undefined) throw new Error(`${name} was not packed`)
  return found.path
}

describe.each(publicPackages)('the tarball of $name', ({ name }) => {
  it('holds what its exports and bin name, its license and its sources, and neither tests nor build state', async () => {
    const listed = await run('tar', ['-tzf', tarballOf(name)], scratch)
    const files = listed.stdout.trim().split('\n')
    const { stdout } = await run('tar', ['-xzOf', tarballOf(name), 'package/package.json'], scratch)
    const manifest = JSON.parse(stdout)
    const targets = JSON.stringify([manifest.exports, manifest.bin ?? {}]).match(
      /(?<=")(\.\/)?[\w./-]+\.(js|d\.ts|json)(?=")/g,
    )
    expect(files).toEqual(expect.arrayContaining((targets ?? []).map((target) => join('package', target))))
    expect(files).toContain('package/LICENSE')
    expect(files.some((file) => /^package\/src\/.*\.ts$/.test(file))).toBe(true)
    expect(files.filter((file) => /\.test(-d)?\.|tsbuildinfo|\.tmp$/.test(file))).toEqual([])
  })

  it('asks for published versions only and names no condition of the workspace', async () => {
    const { stdout } = await run('tar', ['-xzOf', tarballOf(name), 'package/package.json'], scratch)
    expect(stdout).not.toContain('workspace:')
    expect(stdout).not.toContain('@mediakeep/source')
  })

  it('has no fault for publint', async () => {
    const { code, output } = await run(
      process.execPath,
      [toolPath('publint'), tarballOf(name), '--strict'],
      rootFolder,
    )
    expect(code, output).toBe(0)
  })

  it('gives every kind of TypeScript import the right types, as attw judges', async () => {
    const attw = toolPath('@arethetypeswrong/cli', 'attw')
    const { code, output } = await run(
      process.execPath,
      [attw, tarballOf(name), '--profile', 'esm-only'],
      rootFolder,
    )
    expect(code, output).toBe(0)
  })
})

describe('the file of @mediakeep/client', () => {
  it('runs in a page as it is: it imports nothing', async () => {
    const { stdout } = await run(
      'tar',
      ['-xzOf', tarballOf('@mediakeep/client'), 'package/dist/index.js'],
      scratch,
    )
    const { outputFiles, metafile } = await build({
      stdin: { contents: stdout },
      bundle: true,
      minify: true,
      format: 'esm',
      metafile: true,
      write: false,
    })
    expect(Object.values(metafile.outputs).flatMap((output) => output.imports)).toEqual([])
    // Its guide says 5.6 kB.
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(5650)
  })
})

const nodeOf = (major: string): string =>
  major === '20' ? process.execPath : join(import.meta.dirname, `node_modules/node${major}/bin/node`)
// node22 and node24 are optional dependencies: their binaries exist for Linux x64 only.
const isHere = (major: string): boolean => existsSync(nodeOf(major))

/** Entries a user may load; the binder for vitest loads only inside vitest. */
const entries = publicPackages.flatMap(({ name, folder }) => {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return Object.keys(exports)
    .filter((entry) => entry !== './package.json' && entry !== './vitest')
    .map((entry) => join(name, entry))
})

describe.each([
  { app: 'with better-sqlite3', native: true, nodes: ['20'] },
  { app: 'without a native module', native: false, nodes: ['22', '24'] },
])('an empty app $app', ({ native, nodes }) => {
  let app: string
  beforeAll(async () => {
    app = join(scratch, native ? 'native' : 'plain')
    await installApp(app, tarballs, { native })
  })

  it(`has ${native ? 'the' : 'no'} native module installed`, () => {
    const found = readdirSync(join(app, 'node_modules/.pnpm')).some((name) =>
      name.startsWith('better-sqlite3@'),
    )
    expect(found).toBe(native)
  })

  for (const major of nodes) {
    it.skipIf(!isHere(major))(
      `loads every entry by import and by require on Node ${major}, as one copy`,
      async () => {
        const { code, output, stdout } = await run(nodeOf(major), ['imports.mjs', ...entries], app)
        expect(code, output).toBe(0)
        expect(Object.keys(JSON.parse(stdout))).toEqual(entries)
      },
    )

    it.skipIf(!isHere(major)).each(['mjs', 'cjs'])(
      `stores and serves a picture in ten lines on Node ${major} (ten-lines.%s)`,
      async (extension) => {
        const media = join(app, `media-${major}-${extension}`)
        const { code, output, stdout } = await run(nodeOf(major), [`ten-lines.${extension}`, media], app)
        expect(code, output).toBe(0)
        expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
          node: expect.stringMatching(new RegExp(`^${major}\\.`)),
          putStatus: 201,
          contentType: 'image/png',
          getStatus: 206,
          contentRange: 'bytes 1-3/70',
          text: 'PNG',
          same: true,
        })
      },
    )

    it.skipIf(!isHere(major))(`looks into bodies by a thread on Node ${major}`, async () => {
      const { code, output, stdout } = await run(nodeOf(major), ['inspect.mjs'], app)
      expect(code, output).toBe(0)
      expect(JSON.parse(stdout)).toEqual({ facts: { durationMs: 2_000 }, refused: 'active-content' })
    })
  }

  if (native) {
    it('has the command line', async () => {
      const { code, output } = await run(
        process.execPath,
        ['node_modules/mediakeep/bin/mediakeep.js', '--version'],
        app,
      )
      expect(code, output).toBe(0)
    })

    for (const [peer, settings] of [
      ['pg', { databaseUrl: 'postgres://h/media' }],
      ['ioredis', { redisUrl: 'redis://h' }],
    ] as const)
      it(`says what to install when the settings need ${peer} and it is not there`, async () => {
        writeFileSync(join(app, `${peer}.json`), JSON.stringify(settings))
        const { code, output } = await run(
          process.execPath,
          ['node_modules/mediakeep/bin/mediakeep.js', 'ls', '--config', `${peer}.json`],
          app,
        )
        expect(code, output).toBe(1)
        expect(output).toMatch(new RegExp(`^mediakeep: .*npm install ${peer} \\(MEDIA_UNSUPPORTED\\)\n$`))
      })

    const strict = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--skipLibCheck',
      'false',
      '--types',
      'node',
    ]
    const tsc = [
      'node_modules/typescript/bin/tsc',
      ...strict,
      '--target',
      'es2023',
      '--lib',
      'es2023,esnext.disposable',
    ]
    it.each([
      ['an ES module under nodenext', ['--module', 'nodenext', 'consumer.ts']],
      ['CommonJS under nodenext', ['--module', 'nodenext', 'consumer.cts']],
      ['a bundler', ['--module', 'esnext', '--moduleResolution', 'bundler', 'consumer.ts']],
    ])('type-checks with library checks on as %s', async (_kind, options) => {
      const { code, output } = await run(process.execPath, [...tsc, ...options], app)
      expect(code, output).toBe(0)
    })
  }
})
