import { beforeAll, describe, expect, it } from 'vitest'
import { type Image, takeImage } from '../simulation/image.ts'
import { judge } from './judge.ts'
import { LEVELS, ORDERS } from './part.ts'
import { judgeParts, PART_LEVELS } from './parts.ts'
import { examine, protocols } from './protocols.ts'
import { createStateReader, type StateReader, shapes } from './shapes.ts'

let image: Image
let reader: StateReader
beforeAll(async () => {
  image = await takeImage()
  reader = await createStateReader(image)
})

describe('in every state that a power cut may leave', () => {
  for (const durability of LEVELS)
    for (const order of ORDERS)
      it(`level ${durability} keeps its promise where names reach the disk ${order}`, async () => {
        for (const shape of shapes) {
          const { states, violations } = await judge(shape, {
            durability,
            promised: durability,
            order,
            image,
            reader,
          })
          expect(violations.slice(0, 3)).toEqual([])
          expect(states).toBeGreaterThan(0)
        }
      })
})

describe('a level that is taken for more than it is is convicted', () => {
  for (const [durability, promised] of [
    ['none', 'file'],
    ['none', 'durable'],
    ['file', 'durable'],
  ] as const)
    it(`${durability} for ${promised}`, async () => {
      let found = 0
      for (const shape of shapes) {
        const { violations } = await judge(shape, { durability, promised, order: 'weak', image, reader })
        found += violations.length
      }
      expect(found).toBeGreaterThan(0)
    })
})

describe('a body that comes in pieces', () => {
  for (const durability of PART_LEVELS)
    for (const order of ORDERS)
      it(`level ${durability} keeps every synced byte at its place where names reach the disk ${order}`, async () => {
        const { states, violations } = await judgeParts({ durability, promised: durability, order, image })
        expect(violations.slice(0, 3)).toEqual([])
        expect(states).toBeGreaterThan(100)
      })

  for (const [durability, promised] of [
    ['none', 'file'],
    ['none', 'durable'],
    ['file', 'durable'],
  ] as const)
    it(`${durability} that is taken for ${promised} is convicted`, async () => {
      const { violations } = await judgeParts({ durability, promised, order: 'weak', image })
      expect(violations.length).toBeGreaterThan(0)
    })
})

describe('protocols that are found elsewhere', () => {
  for (const protocol of protocols)
    for (const order of ORDERS)
      it(`${protocol.name} (${order}): ${protocol.rightWhere.includes(order) ? 'loses nothing and shows no part' : 'is convicted'}`, () => {
        const { states, acknowledgedLost, wrongUnderName } = examine(protocol, order)
        expect(states).toBeGreaterThan(10)
        expect(acknowledgedLost + wrongUnderName === 0).toBe(protocol.rightWhere.includes(order))
      })
})
