import type { BlobVerdict } from '../contracts/catalog.ts'
import type { Finding } from '../contracts/observer.ts'

/** What is told of a verdict. */
export function findingOf({ verdict, engine, database, signature, reason }: BlobVerdict): Finding {
  return {
    verdict,
    engine,
    database,
    ...(signature === undefined ? {} : { signature }),
    ...(reason === undefined ? {} : { reason }),
  }
}
