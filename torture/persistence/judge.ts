import { type Durability, isMediaError } from '@mediakeep/core'
import type { Disk } from '../fault-fs/disk.ts'
import type { Image } from '../simulation/image.ts'
import { type Content, type Shape, type StateReader, traceOf } from './shapes.ts'
import { cutStates } from './states.ts'

export interface Judged {
  readonly states: number
  readonly violations: readonly string[]
}

const same = (a: Content | undefined, b: Content | undefined): boolean =>
  a?.text === b?.text && a?.contentType === b?.contentType

const words = (content: Content | undefined): string =>
  content === undefined ? 'nothing' : `${content.text.length} bytes of ${content.contentType ?? 'no type'}`

/**
 * Whether the promise of a level holds in every state that a power cut during the act may leave:
 * `durable`: before the answer the old or the new, whole; after it the new. `file`: at any time the old, the new, or nothing.
 * `promised` may be another level than the one the store runs at: to see what that one does not keep.
 */
export async function judge(
  shape: Shape,
  options: {
    readonly durability: Durability
    readonly promised: Durability
    readonly order: Disk['order']
    readonly image: Image
    readonly reader: StateReader
  },
): Promise<Judged> {
  const { durability, promised, order, image, reader } = options
  const { key, before, after } = shape
  const violations: string[] = []
  let states = 0
  for (const { disk, acknowledged, cut } of cutStates(await traceOf(shape, durability, image), order)) {
    states++
    let left: Content | undefined
    try {
      left = await reader.read(disk, key)
    } catch (error) {
      // At `none` nothing is promised but that damage is told.
      if (promised !== 'none' || !isMediaError(error))
        violations.push(`${shape.name}: ${cut}: ${String(error)}`)
      continue
    }
    const isNew = same(left, after)
    const isOld = same(left, before)
    const isKept =
      promised === 'none' ||
      (promised === 'file' ? isNew || isOld || left === undefined : isNew || (isOld && !acknowledged))
    if (!isKept)
      violations.push(
        `${shape.name}: ${cut}: the key gives ${words(left)}${acknowledged ? ', after the answer' : ''}`,
      )
  }
  return { states, violations }
}
