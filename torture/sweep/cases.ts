import { TROUBLES, type Trouble } from '../simulation/faults.ts'
import type { Image } from '../simulation/image.ts'
import type { Act } from './act.ts'
import { acts } from './acts.ts'
import { createStage, type Fault } from './stage.ts'
import { uploadActs } from './upload-acts.ts'

export interface Case {
  readonly act: Act
  readonly fault: Fault
}

/** Calls of one kind that follow each other, as over the shards, are alike: the first two and the last are enough. */
function isOneOfMany(names: readonly string[], at: number): boolean {
  const name = names[at]
  return names[at - 1] === name && names[at - 2] === name && names[at + 1] === name
}

/** Every call of every act, failed in every way that it can fail: once, and from then on. Calls are those of a run without faults. */
export async function listCases(image: Image): Promise<readonly Case[]> {
  const cases: Case[] = []
  for (const act of acts) {
    const stage = await createStage(image)
    await act.prepare?.(stage)
    stage.arm(undefined)
    await act.act(stage)
    const { disk, catalog } = stage.seen
    for (const forever of [false, true]) {
      for (const [at, name] of disk.entries()) {
        if (isOneOfMany(disk, at)) continue
        for (const trouble of Object.keys(TROUBLES).filter(isTrouble))
          if (TROUBLES[trouble].test(name))
            cases.push({ act, fault: { layer: 'disk', at, forever, trouble } })
      }
      for (const at of catalog.keys())
        for (const effect of ['before', 'after'] as const)
          cases.push({ act, fault: { layer: 'catalog', at, forever, effect } })
    }
    if (uploadActs.includes(act))
      for (let at = 0; at < disk.length + catalog.length; at++)
        for (const leaves of ['least', at, at + 1_000] as const)
          cases.push({ act, fault: { layer: 'power', at, forever: true, leaves } })
    await stage.store.close()
  }
  return cases
}

function isTrouble(name: string): name is Trouble {
  return name in TROUBLES
}

export function wordsOf({ act, fault }: Case): string {
  if (fault.layer === 'power')
    return `${act.name}, power cut before call ${fault.at + 1}, left: ${fault.leaves}`
  const what = fault.layer === 'disk' ? fault.trouble : `lost ${fault.effect} its effect`
  return `${act.name}, ${fault.layer} call ${fault.at + 1}${fault.forever ? ' and all later ones' : ''}: ${what}`
}
