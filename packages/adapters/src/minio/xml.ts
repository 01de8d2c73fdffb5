/** One element of an answer: its text, and what it contains. Attributes and comments are left out: S3 says nothing by them. */
export interface Element {
  readonly name: string
  readonly text: string
  readonly children: readonly Element[]
}

const TOKEN = /<\?[^]*?\?>|<!--[^]*?-->|<(\/?)([\w:.-]+)(?:\s[^<>]*?)?(\/?)>|([^<]+)/gy
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const MAX_DEPTH = 32

/** The outermost element; undefined when it is no XML, or none that S3 sends (document types, character data sections). */
export function parseXml(xml: string): Element | undefined {
  const root = open('')
  const stack = [root]
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < xml.length) {
    const match = TOKEN.exec(xml)
    const top = stack.at(-1)
    if (match === null || top === undefined) return undefined
    const [, closing, name, empty, text] = match
    if (text !== undefined) top.text += decode(text)
    if (name === undefined) continue
    if (closing === '/') {
      if (stack.pop()?.name !== name || stack.length === 0) return undefined
      continue
    }
    const element = open(name)
    top.children.push(element)
    if (empty !== '/') stack.push(element)
    if (stack.length > MAX_DEPTH) return undefined
  }
  return stack.length === 1 ? root.children[0] : undefined
}

export function childrenOf(element: Element | undefined, name: string): readonly Element[] {
  return element?.children.filter((child) => child.name === name) ?? []
}

/** Text of the first child of this name. */
export function textOf(element: Element | undefined, name: string): string | undefined {
  return childrenOf(element, name)[0]?.text
}

/** Text as it stands between two tags. What XML cannot hold at all the caller keeps away. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r\n\t\u0085\u2028]/g, (letter) => `&#${letter.codePointAt(0) ?? 0};`)
}

interface OpenElement extends Element {
  text: string
  readonly children: OpenElement[]
}

const open = (name: string): OpenElement => ({ name, text: '', children: [] })

function decode(text: string): string {
  return text.replace(ENTITY, (_, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? ''
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
  })
}
