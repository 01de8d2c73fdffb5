import { expect, test } from 'vitest'
import { childrenOf, escapeXml, parseXml, textOf } from './xml.ts'

test('an answer is read as it is nested, its text decoded', () => {
  const root = parseXml(
    '<?xml version="1.0" encoding="UTF-8"?>\n<List xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><!-- x --><Name>a&amp;b &#x1F4F7;&#65;</Name>' +
      '<Contents><Key>one</Key></Contents><Contents><Key></Key><Owner/></Contents></List>\n',
  )
  expect(root?.name).toBe('List')
  expect(textOf(root, 'Name')).toBe('a&b \u{1f4f7}A')
  expect(childrenOf(root, 'Contents').map((entry) => textOf(entry, 'Key'))).toEqual(['one', ''])
  expect(textOf(root, 'Missing')).toBeUndefined()
})

test('what is no whole XML is no answer', () => {
  const texts = [
    '',
    'plain',
    '<a>',
    '<a></b>',
    '</a>',
    '<a><b></a></b>',
    '<a',
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
  ]
  for (const text of [...texts, '<a>'.repeat(100) + '</a>'.repeat(100)])
    expect(parseXml(text), text).toBeUndefined()
})

test('text that is escaped comes back as it was', () => {
  const text = 'a<b>&"\'\r\n\t\u0085\u2028 c]]>'
  expect(textOf(parseXml(`<a><b>${escapeXml(text)}</b></a>`), 'b')).toBe(text)
})
