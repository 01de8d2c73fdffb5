// npm start: sets up, then serves the quick start in this same process, so that whoever stops npm stops the server.
// npm run example NAME: the same with another example.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { main } from './lib/main.mjs'
import { rootFolder } from './lib/root.mjs'
import { setUp } from './lib/setup.mjs'

const PARENT_CHECK_MS = 500

/** npm killed outright cannot pass a signal on; its child is then adopted by another process, which is how we see it. */
function stopWithNpm() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return
  const npm = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === npm) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_CHECK_MS)
  timer.unref()
}

const examplesFolder = join(rootFolder, 'examples')

function programOf(name) {
  const programs = ['server.mjs', 'start.mjs'].map((file) => join(examplesFolder, name, file))
  const program = programs.find((file) => existsSync(file))
  if (program !== undefined) return program
  throw new Error(`there is no example "${name}"; there are: ${readdirSync(examplesFolder).join(', ')}`)
}

await main(async () => {
  stopWithNpm()
  const program = programOf(process.argv[2] ?? 'quick-start')
  await setUp({ declarations: false })
  await import(pathToFileURL(program).href)
})
