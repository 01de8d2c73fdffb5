// npm run build: tsup writes the JavaScript of every package, `tsc -b` the declarations, both into dist.
import { build } from './lib/build.mjs'

await build({ declarations: true })
