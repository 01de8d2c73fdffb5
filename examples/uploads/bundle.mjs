import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The page's modules, Uppy and the client as one script and its map: the page loads nothing from anywhere else. */
export async function bundlePage() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page/main.js', import.meta.url))],
    outfile: 'page.js',
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: true,
    // Packages in development forms talk more than they should.
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const textOf = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text
  return { script: textOf('.js'), map: textOf('.map') }
}
