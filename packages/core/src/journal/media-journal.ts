import { externalDomain, portableMedia } from '../catalog/index.ts'
import type { Catalog, MediaRecord } from '../contracts/catalog.ts'
import { MAX_UNKEPT_LINES } from '../defaults.ts'
import type { IngestContext } from '../ingest/context.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { Volume } from '../tiering/volume.ts'
import { encodeGone, encodeMedia } from './line.ts'

/**
 * Writes every acknowledged change of a record to the journals of the home volumes that hold its bytes, after the
 * catalog has committed and before the call is answered: what was acknowledged is in a journal, so a lost catalog can be rebuilt.
 * Neither call ever throws: the change is made. A journal that could not take its line is behind until its next snapshot.
 */
export interface MediaJournal {
  /** @param chunkSums of its bytes, where the caller has them at hand. */
  changed(record: MediaRecord, chunkSums?: Uint8Array): Promise<void>
  gone(record: MediaRecord): Promise<void>
  /** The catalog knows what this volume's journal was not told. */
  doubt(volumeId: string): void
  /** What a snapshot of this volume must make good; `undefined` when nothing. */
  debtOf(volumeId: string): JournalDebt | undefined
}

export interface JournalDebt {
  /** Lines of deletions that the journal could not take: no snapshot of the catalog tells them. */
  readonly lines: readonly string[]
  /** They are in the journal now. */
  paid(): void
}

interface MediaJournalContext extends Pick<IngestContext, 'volumes' | 'clock' | 'domainOf' | 'emit'> {
  readonly catalog: Pick<Catalog, 'verdictOf'>
  chunkSums(blobId: string): Promise<Uint8Array | undefined>
}

/** Where a line belongs. */
interface Addressees {
  readonly volumes: readonly Volume[]
  /** Ids of home volumes that hold the media and are not here now. */
  readonly missed: readonly string[]
}

interface Debt {
  readonly lines: string[]
  readonly failures: number
}

export function createMediaJournal(context: MediaJournalContext): MediaJournal {
  const homes = context.volumes.all.filter(
    ({ role, store }) => role === 'home' && store.journal !== undefined,
  )
  const homeIds = new Set(homes.map(({ id }) => id))
  const debts = new Map<string, Debt>()

  const doubt = (volumeId: string, line?: string): void => {
    const { lines, failures } = debts.get(volumeId) ?? { lines: [], failures: 0 }
    if (line !== undefined && lines.length < MAX_UNKEPT_LINES) lines.push(line)
    debts.set(volumeId, { lines, failures: failures + 1 })
  }
  const isOnline = async (volume: Volume): Promise<boolean> =>
    volume.checkOnline().then(
      () => true,
      () => false,
    )

  async function addresseesOf({ content }: MediaRecord): Promise<Addressees> {
    const online = new Set<string>()
    for (const volume of homes) if (await isOnline(volume)) online.add(volume.id)
    const holders = new Set(
      content.placements.map(({ volumeId }) => volumeId).filter((id) => homeIds.has(id)),
    )
    const here = homes.filter(({ id }) => online.has(id))
    const holding = here.filter(({ id }) => holders.has(id))
    return {
      // A change while no volume that holds it is here is told to the others: somebody must know.
      volumes: holding.length > 0 ? holding : here,
      missed: [...holders].filter((id) => !online.has(id)),
    }
  }

  async function append(volume: Volume, line: string, owed?: string): Promise<void> {
    try {
      await volume.store.journal?.append(line)
    } catch (error) {
      // Told once, not with every put while a disk is full.
      if (!debts.has(volume.id)) tellUpkeepFailed(context, 'journal', toFailure(error))
      doubt(volume.id, owed)
    }
  }

  return {
    async changed(record, given) {
      if (homes.length === 0) return
      try {
        const { volumes, missed } = await addresseesOf(record)
        for (const id of missed) doubt(id)
        const chunkSums = given ?? (await context.chunkSums(record.content.blobId))
        const isExternal = record.content.placements.some(({ owned }) => !owned)
        const shared = context.domainOf(record.namespace)
        const domain = isExternal ? externalDomain(shared) : shared
        const { digest, state } = record.content
        // Of what serves a snapshot tells it: a put need not ask for it.
        const isHeld = digest !== undefined && state !== 'active'
        const verdict = isHeld ? await context.catalog.verdictOf(domain, digest) : undefined
        const line = encodeMedia(portableMedia(record, domain, chunkSums, verdict))
        await Promise.all(volumes.map((volume) => append(volume, line)))
      } catch (error) {
        for (const { id } of homes) doubt(id)
        tellUpkeepFailed(context, 'journal', toFailure(error))
      }
    },
    async gone(record) {
      if (homes.length === 0) return
      const { volumes, missed } = await addresseesOf(record)
      const { id, namespace, revision } = record
      const at = new Date(context.clock.now())
      const line = encodeGone({ id, namespace, revision, at, ...(missed.length === 0 ? {} : { missed }) })
      for (const volumeId of missed) doubt(volumeId, line)
      await Promise.all(volumes.map((volume) => append(volume, line, line)))
    },
    doubt: (volumeId) => doubt(volumeId),
    debtOf(volumeId) {
      const debt = debts.get(volumeId)
      if (debt === undefined) return undefined
      const lines = [...debt.lines]
      return {
        lines,
        paid() {
          const now = debts.get(volumeId)
          if (now === undefined || now.failures === debt.failures) debts.delete(volumeId)
          else debts.set(volumeId, { lines: now.lines.slice(lines.length), failures: now.failures })
        },
      }
    },
  }
}
