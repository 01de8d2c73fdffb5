/** npm passes a Ctrl-C on to its child, which has had it from the terminal already: that is one signal, not two. */
const SAME_SIGNAL_MS = 1_000

/** What was started ends in reverse at Ctrl-C, at SIGTERM, and when a start fails. A second signal ends the program at once. */
export function createStage() {
  const ends = []
  const ending = new AbortController()
  const close = async () => {
    for (const end of ends.splice(0).reverse()) {
      try {
        await end()
      } catch (error) {
        console.error(error)
      }
    }
  }
  let stoppedAtMs = 0
  const stop = () => {
    if (ending.signal.aborted) {
      if (Date.now() - stoppedAtMs > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    stoppedAtMs = Date.now()
    ending.abort(new Error('stopped'))
  }
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, stop)
  const stopped = new Promise((resolve) => ending.signal.addEventListener('abort', resolve, { once: true }))
  return {
    signal: ending.signal,
    /** Registers how something ends; when the end has begun already, it ends as soon as it is there. */
    atEnd(end) {
      ends.push(end)
      ending.signal.throwIfAborted()
    },
    /** Does the work, then waits for the signal. What was begun when it comes is there before all of it ends. */
    async run(work) {
      let code = 0
      try {
        await work()
        await stopped
      } catch (error) {
        if (!ending.signal.aborted) {
          console.error(error)
          code = 1
        }
      }
      console.log('\nstopping')
      await close()
      process.exit(code)
    },
  }
}
