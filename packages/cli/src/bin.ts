import { run } from './program.ts'
import { processStreams } from './terminal/streams.ts'

/** The program: commands end by exit code, so that whatever is still being written gets out. */
run(process.argv.slice(2), processStreams()).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error)
    process.exitCode = 1
  },
)
