import { newId } from '@mediakeep/core'
import { expect, it } from 'vitest'
import { jsonId, readId, readJsonId, storeId } from './ids.ts'

const hexOf = (id: string): string => id.replaceAll('-', '').toUpperCase()

it('an id comes back as it was stored, from its bytes and from SQL’s hex', () => {
  const all = '01234567-89ab-cdef-fedc-ba9876543210'
  for (const id of [all, newId(), '00000000-0000-0000-0000-000000000000']) {
    expect(storeId(id)).toHaveLength(16)
    expect(readId(storeId(id))).toBe(id)
    expect(readJsonId(hexOf(id))).toBe(id)
  }
})

it('what was read stays what it was when another id is read', () => {
  const ids = Array.from({ length: 3 }, () => newId())
  expect(ids.map((id) => readId(storeId(id)))).toEqual(ids)
  expect(ids.map((id) => readJsonId(hexOf(id)))).toEqual(ids)
})

it('any other name is kept as a text', () => {
  for (const id of ['kit-disk', '01234567-89AB-cdef-fedc-ba9876543210', '']) {
    expect(storeId(id)).toBe(id)
    expect(readId(storeId(id))).toBe(id)
    expect(readJsonId(jsonId(id))).toBe(id)
  }
})
