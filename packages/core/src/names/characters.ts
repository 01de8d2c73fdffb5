/**
 * Characters that show as nothing or change the direction of the text after them: with them, `exe.png` and
 * `gnp.exe` can look alike. Joiners (U+200C, U+200D) stay, because scripts and emoji need them.
 */
export const DECEIVING: RegExp = /[\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g

/** C0, DEL and C1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const CONTROLS: RegExp = /[\u0000-\u001f\u007f-\u009f]/g

/** Halves of surrogate pairs that stand alone: they have no UTF-8 form. */
const LONE_SURROGATES = /\p{Surrogate}/gu

/** `text` with U+FFFD where UTF-16 was broken. */
export function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATES, '\ufffd')
}

/** Tells whether `text` holds a control character or half of a surrogate pair. */
export function isUnprintable(text: string): boolean {
  return text.search(CONTROLS) !== -1 || text.search(LONE_SURROGATES) !== -1
}

/** The longest beginning of `text` that is at most `maxBytes` of UTF-8 and does not cut a code point. */
export function cutToBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text
  let bytes = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const isPair = code >= 0xd800 && code <= 0xdbff && at + 1 < text.length
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : isPair ? 4 : 3
    if (bytes > maxBytes) return text.slice(0, at)
    if (isPair) at++
  }
  return text
}
