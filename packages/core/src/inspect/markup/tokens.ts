import { invalid } from '../refusals.ts'

export interface Attribute {
  /** In lower case, with its prefix. */
  readonly name: string
  readonly value: string
}

export type Token =
  | {
      readonly type: 'open'
      readonly name: string
      readonly attributes: readonly Attribute[]
      readonly isEmpty: boolean
    }
  | { readonly type: 'close'; readonly name: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'instruction'; readonly target: string }
  | { readonly type: 'doctype'; readonly text: string }

const SPACE = /\s/
const NAME_END = /[\s/>=<]/
/** What HTML reads as text, whatever it holds, until it is closed. */
const TEXT_ELEMENTS = new Set(['style', 'title', 'textarea'])

/**
 * The pieces of a text of markup, in one pass that takes time in proportion to its length. `strict` is XML; without it the text
 * is cut as HTML cuts it: comments and declarations that end early, values without quotes, elements that hold text alone.
 * @throws (while it is read) MediaError MEDIA_INVALID `invalid-markup` where readers might go on in different ways.
 */
export function* tokensOf(text: string, strict: boolean): Generator<Token> {
  let at = text.startsWith('\ufeff') ? 1 : 0
  while (at < text.length) {
    const open = text.indexOf('<', at)
    const end = open < 0 ? text.length : open
    if (end > at) yield { type: 'text', text: decodeEntities(text.slice(at, end)) }
    if (open < 0) return
    if (text.startsWith('<!--', open)) {
      at = after(text, '-->', open + 4)
      // Here HTML ends a comment that XML goes on with.
      if (!strict && /^-?>|--!>/.test(text.slice(open + 4, at))) throw broken()
    } else if (strict && text.startsWith('<![CDATA[', open)) {
      at = after(text, ']]>', open + 9)
      yield { type: 'text', text: text.slice(open + 9, at - 3) }
    } else if (text.startsWith('<?', open)) {
      at = after(text, strict ? '?>' : '>', open + 2)
      const target = /^[^\s?>]{0,64}/.exec(text.slice(open + 2, open + 66))?.[0] ?? ''
      yield { type: 'instruction', target: target.toLowerCase() }
    } else if (text.startsWith('<!', open)) {
      at = strict ? afterDoctype(text, open + 2) : after(text, '>', open + 2)
      yield { type: 'doctype', text: text.slice(open, at) }
    } else if (text.startsWith('</', open)) {
      at = after(text, '>', open + 2)
      yield {
        type: 'close',
        name: text
          .slice(open + 2, at - 1)
          .trim()
          .toLowerCase(),
      }
    } else if (/[A-Za-z_:]/.test(text[open + 1] ?? '')) {
      const tag = readTag(text, open + 1, strict)
      at = tag.end
      yield tag.token
      if (strict || !TEXT_ELEMENTS.has(tag.token.name)) continue
      const close = text.slice(at).search(new RegExp(`</${tag.token.name}[\\s/>]`, 'i'))
      if (close < 0) throw broken()
      yield { type: 'text', text: text.slice(at, at + close) }
      at += close
    } else {
      if (strict) throw broken()
      yield { type: 'text', text: '<' }
      at = open + 1
    }
  }
}

function broken(): Error {
  return invalid('invalid-markup', 'markup that is not well formed')
}

function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  if (found < 0) throw broken()
  return found + mark.length
}

/** Behind the `>`, or behind the declarations in brackets. Those are not read: what has any is refused, or taken as it is. */
function afterDoctype(text: string, from: number): number {
  const named = /[^"'[>]*(?:"[^"]*"[^"'[>]*|'[^']*'[^"'[>]*)*/y
  named.lastIndex = from
  named.exec(text)
  const at = named.lastIndex
  if (text[at] === '>') return at + 1
  const declared = /\]\s*>/g
  declared.lastIndex = at
  if (text[at] !== '[' || declared.exec(text) === null) throw broken()
  return declared.lastIndex
}

function readTag(
  text: string,
  from: number,
  strict: boolean,
): { readonly token: Token & { type: 'open' }; readonly end: number } {
  let at = from
  const past = (pattern: RegExp): string => {
    const start = at
    while (at < text.length && !pattern.test(text[at] ?? '')) at += 1
    return text.slice(start, at)
  }
  const skip = (): void => {
    while (at < text.length && SPACE.test(text[at] ?? '')) at += 1
  }
  const name = past(NAME_END).toLowerCase()
  const attributes: Attribute[] = []
  for (;;) {
    skip()
    const char = text[at]
    if (char === undefined || char === '<') throw broken()
    if (char === '>') return { token: { type: 'open', name, attributes, isEmpty: false }, end: at + 1 }
    if (char === '/') {
      at += 1
      if (text[at] !== '>') {
        if (strict) throw broken()
        continue
      }
      return { token: { type: 'open', name, attributes, isEmpty: true }, end: at + 1 }
    }
    const attribute = past(NAME_END).toLowerCase()
    if (attribute === '') {
      if (strict) throw broken()
      at += 1
      continue
    }
    skip()
    if (text[at] !== '=') {
      if (strict) throw broken()
      attributes.push({ name: attribute, value: '' })
      continue
    }
    at += 1
    skip()
    const quote = text[at]
    if (quote === '"' || quote === "'") {
      const close = text.indexOf(quote, at + 1)
      if (close < 0) throw broken()
      attributes.push({ name: attribute, value: decodeEntities(text.slice(at + 1, close)) })
      at = close + 1
    } else {
      if (strict) throw broken()
      attributes.push({ name: attribute, value: decodeEntities(past(/[\s>]/)) })
    }
  }
}

const NAMED = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
  ['colon', ':'],
  ['tab', '\t'],
  ['newline', '\n'],
  ['lpar', '('],
  ['sol', '/'],
])

/** What readers see in a value. Names that nobody knows stay as they are. */
export function decodeEntities(value: string): string {
  if (!value.includes('&')) return value
  return value.replace(
    /&(?:#x([0-9a-f]{1,8})|#([0-9]{1,8})|([a-z]{2,8}));?/gi,
    (whole, hex: string, decimal: string, name: string) => {
      if (name !== undefined) return NAMED.get(name.toLowerCase()) ?? whole
      const code = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    },
  )
}
