import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Bundles one source file with `find`, which must stand in it exactly once, replaced. The file itself stays as it is. */
export function replaceSource({ file, find, replace }) {
  const path = join(root, file)
  return {
    name: 'replace-source',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async (args) => {
        if (args.path !== path) return undefined
        const parts = (await readFile(path, 'utf8')).split(find)
        if (parts.length !== 2)
          throw new Error(`${file}: the text to replace stands ${parts.length - 1} times in it`)
        return { contents: parts.join(replace), loader: 'ts' }
      })
    },
  }
}

/** The same for vitest; the replacement comes as JSON. */
export function mutateSource(json) {
  const { file, find, replace } = JSON.parse(json)
  const path = join(root, file)
  return {
    name: 'mutate-source',
    enforce: 'pre',
    transform(code, id) {
      if (id.split('?')[0] !== path) return undefined
      const parts = code.split(find)
      if (parts.length !== 2)
        throw new Error(`${file}: the text to replace stands ${parts.length - 1} times in it`)
      return { code: parts.join(replace), map: null }
    },
  }
}
