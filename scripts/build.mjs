// npm run build: the JavaScript of every package and its declarations, both into dist.
import { main } from './lib/main.mjs'
import { setUp } from './lib/setup.mjs'

await main(() => setUp({ declarations: true }))
