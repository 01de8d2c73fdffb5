import { join } from 'node:path'
import { findChromium } from '../../e2e/quick-start/chromium.ts'
import { fileUrlStorage, uploadFile } from '../../e2e/uploads/tus-client.ts'

export interface ClientInput {
  /** Of the relay. */
  readonly url: string
  readonly path: string
  /** For what the client keeps. */
  readonly scratch: string
  /** Resolves at each kill of the server. */
  nextKill(): Promise<void>
  readonly signal: AbortSignal
}

/** A client that sends the file, and goes on by itself through whatever happens to the server. */
export interface Client {
  readonly name: string
  send(input: ClientInput): Promise<void>
}

const RETRY_DELAYS_MS = Array.from({ length: 40 }, () => 1_000)

const tusOptions = ({ url }: ClientInput) => ({
  endpoint: `${url}/media/tus`,
  retryDelays: RETRY_DELAYS_MS,
  metadata: { filename: 'large.bin' },
})

/** Ends at the abort, too: a client that hangs is a violation, and not a run that never ends. */
async function untilAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([
    done,
    new Promise<never>((_, reject) => {
      const abort = (): void => reject(new Error('it did not end in its time'))
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    }),
  ])
}

const tusWith = (name: string, parallelUploads: number): Client => ({
  name,
  async send(input) {
    const { upload, done } = uploadFile(input.path, {
      ...tusOptions(input),
      ...(parallelUploads === 1 ? {} : { parallelUploads }),
    })
    upload.start()
    try {
      await untilAborted(done, input.signal)
    } finally {
      await upload.abort()
    }
  },
})

/** At each kill of the server the client dies, too; the next one finds in its storage where it was. */
const tusFromStorage: Client = {
  name: 'tus-js-client, resumed from storage',
  async send(input) {
    const urlStorage = fileUrlStorage(join(input.scratch, 'urls.json'))
    let isDone = false
    while (!isDone) {
      const { upload, done } = uploadFile(input.path, {
        ...tusOptions(input),
        urlStorage,
        fingerprint: async () => 'large.bin',
      })
      const [previous] = await upload.findPreviousUploads()
      if (previous !== undefined) upload.resumeFromPreviousUpload(previous)
      upload.start()
      const ended = done.then(() => {
        isDone = true
      })
      try {
        await untilAborted(Promise.race([ended, input.nextKill()]), input.signal)
      } finally {
        await upload.abort()
      }
    }
  },
}

const uppyInBrowser: Client = {
  name: 'Uppy in Chromium',
  async send({ url, path, signal }) {
    // Late: it takes a second to load, and every other part would wait for it.
    const { chromium } = await import('playwright-core')
    const browser = await chromium.launch({
      executablePath: findChromium() ?? '',
      args: ['--no-sandbox', '--disable-gpu'],
    })
    try {
      const page = await browser.newPage()
      await page.goto(`${url}/#tus`)
      await page.locator('body[data-ready]').waitFor()
      await page.setInputFiles('#files', path)
      await untilAborted(page.locator('.arrival').waitFor({ timeout: 0 }), signal)
    } finally {
      await browser.close()
    }
  },
}

export const clients: readonly Client[] = [
  tusWith('tus-js-client', 1),
  tusWith('tus-js-client, 4 in parallel', 4),
  tusFromStorage,
  uppyInBrowser,
]
