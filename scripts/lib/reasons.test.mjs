import { describe, expect, it } from 'vitest'
import { reasonsIn } from './reasons.mjs'

const tellOf = (...files) =>
  Object.fromEntries([...reasonsIn(files)].map(([code, reasons]) => [code, [...reasons]]))

describe('reasonsIn()', () => {
  it('finds reasons where an error is made, of both ways of a choice', () => {
    expect(
      tellOf("throw new MediaError('MEDIA_A', 'no', { reason: isOld ? 'too-old' : 'too-new', cause })"),
    ).toEqual({ MEDIA_A: ['too-old', 'too-new'] })
  })

  it('finds reasons given to a function that makes the error, in its own file and, exported, in others', () => {
    const maker = "export function bad(what, reason) { return new MediaError('MEDIA_A', what, { reason }) }"
    expect(tellOf(`${maker} throw bad('x y', 'one')`, "throw bad('x y', 'two')")).toEqual({
      MEDIA_A: ['one', 'two'],
    })
    expect(tellOf(maker.replace('export ', ''), "throw bad('x y', 'two')")).toEqual({})
  })

  it('knows a code that is given, and one that is the default', () => {
    const maker =
      "function no(reason, text, code = 'MEDIA_A') { return new MediaError(code, text, { reason }) }"
    expect(tellOf(`${maker} no('one', 'x y'); no('two', 'x y', 'MEDIA_B')`)).toEqual({
      MEDIA_A: ['one'],
      MEDIA_B: ['two'],
    })
  })

  it('reads tables of codes and reasons', () => {
    expect(
      tellOf("const rows = [row('MEDIA_A', 'one', 'what to do'), { code: 'MEDIA_B', reason: 'two' }]"),
    ).toEqual({ MEDIA_A: ['one'], MEDIA_B: ['two'] })
  })
})
