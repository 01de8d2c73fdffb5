import { run } from './program.ts'
import { processStreams } from './terminal/streams.ts'

// Until a command has ended: a process that ends before, for whatever reason, has not done its work.
process.exitCode = 1

/** The program: commands end by exit code, so that whatever is still being written gets out. */
run(process.argv.slice(2), processStreams()).then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error)
  },
)
