// Installs what the workspace needs and builds it, both only when something changed.
import { main } from './lib/main.mjs'
import { setUp } from './lib/setup.mjs'

await main(() => setUp())
