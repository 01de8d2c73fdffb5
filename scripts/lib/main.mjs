/** Runs a script's work; a failure prints its message and its causes, no stack of our own, and exits 1. */
export async function main(work) {
  try {
    const code = await work()
    if (typeof code === 'number') process.exitCode = code
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    if (error?.cause !== undefined) console.error(error.cause)
    process.exitCode = 1
  }
}
