import type { MediaFacts } from '../../contracts/media.ts'
import { checkPixels } from '../images/pixels.ts'
import { type Inspection, NO_FACTS } from '../inspection.ts'
import { invalid } from '../refusals.ts'
import { readMarkup } from './decode.ts'
import { checkNoScriptAddress, checkStyle, checkWithin } from './references.ts'
import { type Attribute, type Token, tokensOf } from './tokens.ts'

type Kind = 'svg' | 'html' | 'xml'

const MAX_DEPTH = 512
/** Elements that run something, or bring in documents that do. */
const ACTIVE = new Set([
  ...['script', 'foreignobject', 'iframe', 'frame', 'frameset', 'embed', 'object', 'applet', 'portal'],
  ...['handler', 'listener', 'base', 'link', 'import', 'fencedframe'],
])
/** What HTML reads by rules of its own; a text that is cut in another way there may hide a script from us. */
const CUT_OTHERWISE = new Set([
  'svg',
  'math',
  'noscript',
  'noembed',
  'noframes',
  'xmp',
  'plaintext',
  'template',
  'select',
])
const ADDRESSES = new Set([
  'href',
  'src',
  'data',
  'action',
  'formaction',
  'poster',
  'background',
  'cite',
  'ping',
])
const WITHOUT_CONTENT = new Set([
  'meta',
  'img',
  'br',
  'hr',
  'input',
  'source',
  'area',
  'col',
  'wbr',
  'track',
  'link',
  'base',
  'embed',
])
const ACTIVE_NAMESPACE =
  /^http:\/\/www\.w3\.org\/(?:1999\/xhtml|2000\/svg|2001\/xml-events|1999\/XSL\/Transform)/i
const KNOWN_DOCTYPE =
  /^<!doctype\s+[\w:.-]+\s*(?:(?:public\s+(["'])[^"']{0,200}\1\s*)?(?:system\s+)?(?:(["'])https?:\/\/www\.w3\.org\/[^"']{0,200}\2\s*)?)?(?:\[|>)/i

/** Roots of lists of other files. */
const PLAYLISTS = new Set(['mpd', 'smil', 'asx', 'sami', 'xspf', 'playlist', 'wpl'])

/** SVG: a picture that may hold a program. All of it is read; what runs, or leads elsewhere, is refused. */
export const lookAtSvg = (inspection: Inspection): Promise<MediaFacts> => lookAtMarkup(inspection, 'svg')
/** HTML and XHTML: without what runs. Links and pictures from elsewhere are of its nature. */
export const lookAtHtml = (inspection: Inspection): Promise<MediaFacts> => lookAtMarkup(inspection, 'html')
/** Other XML: without what makes a browser run it. */
export const lookAtXml = (inspection: Inspection): Promise<MediaFacts> => lookAtMarkup(inspection, 'xml')

async function lookAtMarkup({ window, limits }: Inspection, kind: Kind): Promise<MediaFacts> {
  if (limits.activeContent === 'allow' && kind !== 'svg') return NO_FACTS
  const text = await readMarkup(window)
  const isChecked = limits.activeContent === 'refuse'
  let root: (Token & { type: 'open' }) | undefined
  let depth = 0
  let style: string | undefined
  for (const token of tokensOf(text, kind !== 'html')) {
    window.step()
    switch (token.type) {
      case 'instruction':
        if (isChecked) checkInstruction(token.target)
        break
      case 'doctype':
        if (isChecked) checkDoctype(token.text)
        break
      case 'text':
        if (style !== undefined) style += token.text
        break
      case 'close':
        depth -= 1
        if (localName(token.name) !== 'style' || style === undefined) break
        checkStyle(style)
        style = undefined
        break
      case 'open': {
        root ??= token
        if (isChecked && root === token && PLAYLISTS.has(localName(token.name)))
          throw invalid('playlist', 'a list of other files, which players would open')
        if (isChecked) checkElement(token.name, token.attributes, kind)
        if (token.isEmpty || (kind === 'html' && WITHOUT_CONTENT.has(token.name))) break
        depth += 1
        if (depth > MAX_DEPTH && kind !== 'html')
          throw invalid('too-complex', 'markup that is nested too deep')
        if (isChecked && localName(token.name) === 'style') style ??= ''
      }
    }
  }
  if (root === undefined) throw invalid('invalid-markup', 'markup without an element')
  if (kind !== 'html' && depth !== 0) throw invalid('invalid-markup', 'markup that is not well formed')
  if (style !== undefined) checkStyle(style)
  return kind === 'svg' ? sizeOf(root.attributes, limits) : NO_FACTS
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

function active(what: string): Error {
  return invalid('active-content', `markup with ${what}`)
}

function checkInstruction(target: string): void {
  if (
    target === 'xml-stylesheet' ||
    target.startsWith('php') ||
    target.startsWith('=') ||
    target === 'import'
  )
    throw active('an instruction that brings in more than itself')
}

/** Entities grow without bound and read files; defaults of attributes add what is not written. */
function checkDoctype(text: string): void {
  if (/\[\s*[^\s\]]/.test(text)) throw active('declarations of its own')
  if (!KNOWN_DOCTYPE.test(text)) throw invalid('external-reference', 'a document type that lies elsewhere')
}

function checkElement(name: string, attributes: readonly Attribute[], kind: Kind): void {
  const element = localName(name)
  if (kind !== 'xml' && ACTIVE.has(element)) throw active(`<${element.slice(0, 20)}>`)
  if (kind === 'html' && CUT_OTHERWISE.has(element)) throw active(`<${element.slice(0, 20)}>`)
  for (const { name: full, value } of attributes) {
    if (kind === 'xml') {
      if ((full === 'xmlns' || full.startsWith('xmlns:')) && ACTIVE_NAMESPACE.test(value.trim()))
        throw active('elements that browsers run')
      continue
    }
    const attribute = localName(full)
    if (attribute.startsWith('on') || attribute === 'srcdoc') throw active('what is run at an event')
    if (attribute === 'attributename' && /^\s*(?:on|(?:[\w-]+:)?href\b)/i.test(value))
      throw active('an address that changes')
    if (element === 'meta' && attribute === 'http-equiv') throw active('what stands for headers')
    if (ADDRESSES.has(attribute) || attribute === 'base') {
      if (kind === 'svg') checkWithin(value)
      else checkNoScriptAddress(value)
    } else if (kind === 'svg' && (attribute === 'style' || /url|\\/i.test(value))) checkStyle(value)
  }
}

/** Width and height where they are said in pixels; else those of the view. */
function sizeOf(attributes: readonly Attribute[], limits: Inspection['limits']): MediaFacts {
  const of = (name: string): string | undefined =>
    attributes.find((attribute) => attribute.name === name)?.value.trim()
  const pixels = (value: string | undefined): number | undefined => {
    const found = /^(\d{1,9}(?:\.\d{0,9})?)(?:px)?$/.exec(value ?? '')?.[1]
    return found === undefined ? undefined : Math.round(Number(found))
  }
  const [width, height] = [pixels(of('width')), pixels(of('height'))]
  if (width !== undefined && height !== undefined) {
    checkPixels({ width, height }, limits)
    return { width, height }
  }
  const view =
    of('viewbox')
      ?.split(/[\s,]+/)
      .map(Number) ?? []
  const [viewWidth, viewHeight] = [Math.round(view[2] ?? 0), Math.round(view[3] ?? 0)]
  return viewWidth > 0 && viewHeight > 0 ? { width: viewWidth, height: viewHeight } : NO_FACTS
}
