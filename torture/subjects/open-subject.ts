import { openMediakeep } from './mediakeep.ts'
import { openNaive } from './naive.ts'
import type { Subject } from './subject.ts'

export const SUBJECTS = { mediakeep: openMediakeep, naive: openNaive } as const

export type SubjectName = keyof typeof SUBJECTS

export function openSubject(name: string, folder: string): Promise<Subject> {
  if (!Object.hasOwn(SUBJECTS, name)) throw new RangeError(`no subject is called ${name}`)
  return SUBJECTS[name as SubjectName](folder)
}
