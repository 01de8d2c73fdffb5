/**
 * Scanning by a ClamAV daemon.
 * @packageDocumentation
 */
export type { ClamavScannerOptions } from './options.ts'
export { type ClamavScanner, clamavScanner } from './scanner.ts'
