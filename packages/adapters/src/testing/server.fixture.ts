import { afterAll, describe, test } from 'vitest'

/** What is started for the tests of a file. */
export interface Started {
  stop(): Promise<void>
}

/**
 * `describe` for what needs servers, which are started first: kits ask for them when tests are collected. Where they are
 * missing it is skipped, with a printed reason; never in CI.
 */
export async function describeOn<Servers extends Started>(
  name: string,
  missing: string | undefined,
  start: () => Promise<Servers>,
  body: (servers: Servers) => void,
): Promise<void> {
  if (missing !== undefined && process.env['CI'] !== 'true') {
    process.stderr.write(`skipped: ${missing}\n`)
    describe(name, () => {
      test.runIf(false)(missing, () => undefined)
    })
    return
  }
  const servers = await start()
  afterAll(() => servers.stop(), 60_000)
  describe(name, () => {
    body(servers)
  })
}
