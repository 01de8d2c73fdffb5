import { openCacache } from './cacache.ts'
import { openMarkSweep } from './mark-sweep.ts'
import { openMediakeep } from './mediakeep.ts'
import { openNaive } from './naive.ts'
import type { Subject } from './subject.ts'

export const SUBJECTS = {
  mediakeep: openMediakeep,
  unsynced: (folder: string) => openMediakeep(folder, 'none'),
  naive: openNaive,
  cacache: openCacache,
  'mark-sweep': openMarkSweep,
} as const

export type SubjectName = keyof typeof SUBJECTS

export function openSubject(name: string, folder: string): Promise<Subject> {
  if (!Object.hasOwn(SUBJECTS, name)) throw new RangeError(`no subject is called ${name}`)
  return SUBJECTS[name as SubjectName](folder)
}
