import { describe, expect, it } from 'vitest'
import { requestIdOf } from './request-id.ts'
import { parseTraceParent } from './trace-parent.ts'

const create = (): string => 'new'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

describe('requestIdOf()', () => {
  it.each(['a', 'A.b_c-9', 'x'.repeat(128)])('takes over %s', (id) => {
    expect(requestIdOf(id, create)).toBe(id)
  })

  it.each([undefined, '', 'x'.repeat(129), 'a b', 'a\nb', 'a, b', 'ä', ['a', 'b'], '<script>'])(
    'makes a new one for %j',
    (id) => {
      expect(requestIdOf(id, create)).toBe('new')
    },
  )
})

describe('parseTraceParent()', () => {
  it('reads version 00 and later versions with more fields', () => {
    expect(parseTraceParent(`00-${TRACE}-${PARENT}-01`)).toEqual({
      version: '00',
      traceId: TRACE,
      parentId: PARENT,
      isSampled: true,
    })
    expect(parseTraceParent(`00-${TRACE}-${PARENT}-02`)?.isSampled).toBe(false)
    expect(parseTraceParent(`cc-${TRACE}-${PARENT}-00-more`)?.version).toBe('cc')
  })

  it.each([
    undefined,
    '',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-1`,
    `cc-${TRACE}-${PARENT}-01more`,
    ` 00-${TRACE}-${PARENT}-01`,
    [`00-${TRACE}-${PARENT}-01`],
  ])('refuses %j', (header) => {
    expect(parseTraceParent(header)).toBeUndefined()
  })
})
