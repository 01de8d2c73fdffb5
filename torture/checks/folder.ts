import { mediakeepSubject } from '../subjects/mediakeep.ts'
import type { Told } from '../writers/journal.ts'
import { checkDisk, type DiskRules } from './disk.ts'
import { checkKept } from './kept.ts'
import { openLater } from './later.ts'

/**
 * Opens the store after whatever befell it, also while it was made, and checks all that it promises.
 * @returns what is not so
 */
export async function checkFolder(
  folder: string,
  told: Told,
  { days, ...rules }: DiskRules & { readonly days?: number } = {},
): Promise<readonly string[]> {
  try {
    await using store = await openLater(folder, days)
    return [...(await checkKept(mediakeepSubject(store), told)), ...(await checkDisk(store, folder, rules))]
  } catch (error) {
    return [`the store cannot be opened or kept up: ${String(error)}`]
  }
}
