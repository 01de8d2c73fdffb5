import type { Part, Violation } from '../harness/part.ts'
import { takeImage } from '../simulation/image.ts'
import { judge } from './judge.ts'
import { judgeParts, PART_LEVELS } from './parts.ts'
import { createStateReader, shapes } from './shapes.ts'

export const LEVELS = ['durable', 'file', 'none'] as const
export const ORDERS = ['weak', 'ordered'] as const

/** Every state that a power cut during an act of the file store may leave, at every level. There is nothing to repeat: it is the same each time. */
export const persistence: Part = {
  name: 'persistence',
  about: 'every state that a power cut may leave of every act of the file store',
  unit: 'acts',
  fullCount: (shapes.length * LEVELS.length + PART_LEVELS.length) * ORDERS.length,
  // The whole takes seconds: less than all of it would say little.
  async run({ signal, progress, note }) {
    const image = await takeImage()
    const reader = await createStateReader(image)
    const violations: Violation[] = []
    let done = 0
    let total = 0
    const judging = [
      ...shapes.flatMap((shape) =>
        LEVELS.map((durability) => ({
          durability,
          inOrder: (order: (typeof ORDERS)[number]) =>
            judge(shape, { durability, promised: durability, order, image, reader }),
        })),
      ),
      ...PART_LEVELS.map((durability) => ({
        durability,
        inOrder: (order: (typeof ORDERS)[number]) =>
          judgeParts({ durability, promised: durability, order, image }),
      })),
    ]
    for (const { durability, inOrder } of judging)
      for (const order of ORDERS) {
        if (signal.aborted) return { done, violations }
        const found = await inOrder(order)
        total += found.states
        for (const what of found.violations)
          violations.push({ what: `${durability}, ${order} names: ${what}`, replay: '' })
        progress(++done)
      }
    note(`${total} states`)
    return { done, violations }
  },
}
