import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pnpm, run } from './commands.ts'

export const rootFolder = join(import.meta.dirname, '../..')

export interface Tarball {
  readonly name: string
  readonly folder: string
  readonly path: string
}

/** Every package that is published, in the order of the folders. */
export const publicPackages: readonly { readonly name: string; readonly folder: string }[] = readdirSync(
  join(rootFolder, 'packages'),
).flatMap((entry) => {
  const folder = join(rootFolder, 'packages', entry)
  const { name, private: isPrivate } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return isPrivate === true ? [] : [{ name, folder }]
})

/** Builds the workspace and packs every public package into `destination`. */
export async function packAll(destination: string): Promise<readonly Tarball[]> {
  const built = await run(process.execPath, ['scripts/build.mjs'], rootFolder)
  if (built.code !== 0) throw new Error(`the build failed:\n${built.output}`)
  const tarballs: Tarball[] = []
  for (const { name, folder } of publicPackages) {
    const path = join(destination, `${name.replace('@', '').replace('/', '-')}.tgz`)
    const packed = await pnpm(['pack', '--out', path], folder)
    if (packed.code !== 0) throw new Error(`packing ${name} failed:\n${packed.output}`)
    tarballs.push({ name, folder, path })
  }
  return tarballs
}
