import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pnpm } from './commands.ts'
import { rootFolder, type Tarball } from './tarballs.ts'

/** Versions of the outside packages an app brings itself: those the workspace pins. */
function pinned(manifest: string, names: readonly string[]): Record<string, string> {
  const { devDependencies } = JSON.parse(readFileSync(join(rootFolder, manifest), 'utf8'))
  return Object.fromEntries(names.map((name) => [name, devDependencies[name]]))
}

/**
 * Makes an empty app outside the workspace and installs the tarballs into it, as a user would.
 * `native: false` leaves optional dependencies out: no native module is there.
 */
export async function installApp(
  folder: string,
  tarballs: readonly Tarball[],
  { native }: { readonly native: boolean },
): Promise<void> {
  mkdirSync(folder)
  cpSync(join(import.meta.dirname, 'fixtures'), folder, { recursive: true })
  const files = Object.fromEntries(tarballs.map(({ name, path }) => [name, `file:${path}`]))
  const manifest = {
    name: 'app',
    private: true,
    type: 'module',
    dependencies: {
      ...files,
      ...pinned('packages/express/package.json', ['express']),
      ...pinned('packages/adapters/package.json', [
        '@aws-sdk/client-s3',
        '@aws-sdk/s3-request-presigner',
        'minio',
      ]),
    },
    devDependencies: {
      ...pinned('package.json', ['typescript', '@types/node']),
      ...pinned('packages/express/package.json', ['@types/express']),
    },
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  // What the tarballs ask of each other is not published yet; it is these files too. JSON is YAML.
  writeFileSync(
    join(folder, 'pnpm-workspace.yaml'),
    JSON.stringify({ overrides: files, allowBuilds: { 'better-sqlite3': true }, packages: ['.'] }),
  )
  const args = ['install', '--prefer-offline', '--no-frozen-lockfile', ...(native ? [] : ['--no-optional'])]
  const installed = await pnpm(args, folder)
  if (installed.code !== 0) throw new Error(`installing the tarballs failed:\n${installed.output}`)
}
