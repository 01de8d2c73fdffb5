import { parentPort, workerData } from 'node:worker_threads'
import { loadDriver } from './driver.ts'
import { catalogError, errorToWire } from './errors.ts'
import type { AnswersMessage, ThreadSetup } from './threads/protocol.ts'
import { startReader } from './threads/reader.ts'
import { startWriter } from './threads/writer.ts'

/** Entry of both threads. A file that cannot be opened is an answer; any other failure ends the thread. */
async function start(): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('sqlite/worker.js runs as a worker thread only')
  const setup = workerData as ThreadSetup
  try {
    const driver = await loadDriver(setup.driver)
    if (setup.role === 'writer') startWriter(port, setup, driver)
    else startReader(port, setup, driver)
  } catch (error) {
    const refused: AnswersMessage = { type: 'refused', error: errorToWire(catalogError('open', error)) }
    port.postMessage(refused)
    port.close()
  }
}

void start()
