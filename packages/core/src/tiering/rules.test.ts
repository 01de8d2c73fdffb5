import { describe, expect, it } from 'vitest'
import { type PlacementFacts, ruleFaults, ruleFor } from './rules.ts'

const facts: PlacementFacts = {
  namespace: 'default',
  owner: 'ann',
  contentType: 'video/mp4',
  sizeBytes: 1_000,
  ageMs: 0,
}
const rule = (match: object, name = 'rule') => ({ name, match, tiers: ['disk'] })
const matched = (match: object, about: Partial<PlacementFacts> = {}): boolean =>
  ruleFor([rule(match)], { ...facts, ...about }) !== undefined

describe('placement rules', () => {
  it('the first that matches counts', () => {
    const rules = [rule({ owner: 'bob' }, 'a'), rule({}, 'b'), rule({ owner: 'ann' }, 'c')]
    expect(ruleFor(rules, facts)?.name).toBe('b')
  })

  it.each([
    [{ contentType: 'video/*' }, {}, true],
    [{ contentType: 'VIDEO/MP4' }, { contentType: 'video/mp4; codecs=x' }, true],
    [{ contentType: 'video/mp' }, {}, false],
    [{ contentType: 'image/*' }, {}, false],
    [{ contentType: 'video/*' }, { contentType: undefined }, false],
    [{ minBytes: 1_000 }, {}, true],
    [{ minBytes: 1_001 }, {}, false],
    [{ minBytes: 0 }, { sizeBytes: undefined }, false],
    [{ maxBytes: 1_000 }, {}, true],
    [{ maxBytes: 999 }, {}, false],
    [{ olderThanMs: 5 }, { ageMs: 5 }, false],
    [{ olderThanMs: 5 }, { ageMs: 6 }, true],
    [{ namespace: 'other' }, {}, false],
    [{ owner: 'ann', contentType: 'video/*', maxBytes: 2_000 }, {}, true],
    [{ owner: 'ann', contentType: 'video/*', maxBytes: 2 }, {}, false],
  ] as const)('%j about %j: %s', (match, about, expected) => {
    expect(matched(match, about)).toBe(expected)
  })

  it('every fault of a rule is named', () => {
    const faults = ruleFaults(
      [
        { name: 'a', match: { minBytes: -1, contentType: 'video' }, tiers: ['tape'] },
        { name: 'a', match: { maxBytes: 0.5 }, tiers: [] },
      ],
      ['disk'],
    )
    for (const said of ['tape', 'minBytes', 'contentType', 'there twice', 'maxBytes', 'names no tier'])
      expect(faults.join('\n')).toContain(said)
    expect(ruleFaults([rule({})], ['disk'])).toEqual([])
  })
})
