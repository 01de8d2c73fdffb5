import { invalid } from '../refusals.ts'

/** Data that a drawing may carry within itself: pictures that hold no script, and fonts. */
const HARMLESS_DATA =
  /^data:(?:image\/(?:png|jpe?g|gif|webp|avif|bmp)|(?:application\/(?:x-)?font|font\/)[a-z0-9.+-]*)[;,]/
const SCRIPT = /^(?:javascript|vbscript|livescript|data|blob|filesystem|mhtml|jar|view-source):/

/** As browsers read an address: without spaces and controls, which hide its scheme. */
function plain(address: string): string {
  return address.replace(/[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff]+/g, '').toLowerCase()
}

/** @throws MediaError MEDIA_INVALID `active-content` for an address that runs. */
export function checkNoScriptAddress(address: string): void {
  const start = plain(address.slice(0, 4_096))
  if (SCRIPT.test(start) && !HARMLESS_DATA.test(start))
    throw invalid('active-content', 'an address that runs a script or holds a document')
}

/** @throws MediaError MEDIA_INVALID `active-content` or `external-reference`, unless it stays within the document. */
export function checkWithin(address: string): void {
  checkNoScriptAddress(address)
  const start = plain(address.slice(0, 4_096))
  if (start !== '' && !start.startsWith('#') && !HARMLESS_DATA.test(start))
    throw invalid('external-reference', 'a reference to something outside the document')
}

/** Rules of style: no import, no script, and addresses within the document. */
export function checkStyle(css: string): void {
  const text = readCss(css)
  if (/@import|@namespace\s+url|-moz-binding|behavior\s*:|expression\s*\(/i.test(text))
    throw invalid(
      /@import/i.test(text) ? 'external-reference' : 'active-content',
      'a style that brings in more than itself',
    )
  for (const found of text.matchAll(/(?:url|src|image|image-set)\(\s*(["']?)([^"')]{0,4096})/gi)) {
    const address = found[2] ?? ''
    if (!/^(?:image-set|image)/i.test(found[0]) || found[1] !== '') checkWithin(address)
  }
}

/** Escapes and comments hide words from whoever looks for them. */
function readCss(css: string): string {
  return css
    .replace(/\/\*[^]*?(?:\*\/|$)/g, '')
    .replace(/\\([0-9a-f]{1,6})\s?/gi, (_, hex: string) => {
      const code = Number.parseInt(hex, 16)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
    })
    .replace(/\\(.)/g, '$1')
}
