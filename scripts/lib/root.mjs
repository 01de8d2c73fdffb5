import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the clone, whatever folder a script was started from. */
export const rootFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
