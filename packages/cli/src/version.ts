import { createRequire } from 'node:module'

const about = createRequire(import.meta.url)('../package.json') as { readonly version: string }

/** Version of this package; all packages of Mediakeep share it. */
export const version: string = about.version
