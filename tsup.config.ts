import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

interface PackageJson {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

/** Every entry of `exports`, and the command line's `bin`, that has a source file. */
function entriesOf(folder: string): Record<string, string> {
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson
  const names = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target.default.replace(/^\.\/dist\//, '').replace(/\.js$/, '')],
  )
  const sources = [...names, 'bin'].map((name) => [name, `${folder}/src/${name}.ts`] as const)
  return Object.fromEntries(sources.filter(([, source]) => existsSync(source)))
}

const packages = readdirSync('packages')
  .map((name) => ({ folder: `packages/${name}`, entry: entriesOf(`packages/${name}`) }))
  .filter(({ entry }) => Object.keys(entry).length > 0)

// JavaScript only; `tsc -b` writes the declarations into the same folders, so nothing here may clean them.
export default defineConfig(
  packages.map(
    ({ folder, entry }): Options => ({
      name: folder,
      entry,
      outDir: `${folder}/dist`,
      tsconfig: `${folder}/tsconfig.json`,
      format: 'esm',
      target: 'node20',
      platform: 'node',
      splitting: true,
      sourcemap: true,
      dts: false,
      clean: false,
      // `node:sqlite` and `node:test` exist only under their prefix.
      removeNodeProtocol: false,
      // Every import by name stays an import: dependencies are installed, never copied in.
      skipNodeModulesBundle: true,
      silent: true,
    }),
  ),
)
