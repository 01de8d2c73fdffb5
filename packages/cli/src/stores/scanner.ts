import type { Scanner } from '@mediakeep/core'
import { SCANNER } from '../config/intake-settings.ts'

/** The clamd of a setting. It is connected to when there is something to look at. */
export async function scannerAt(address: string): Promise<Scanner> {
  const { path, v6, host = v6, port } = SCANNER.exec(address)?.groups ?? {}
  // Loaded by those who have one.
  const { clamavScanner } = await import('@mediakeep/adapters/clamav')
  return path === undefined
    ? clamavScanner({ host: host ?? '127.0.0.1', port: Number(port) })
    : clamavScanner({ socketPath: path })
}
