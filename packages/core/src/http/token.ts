const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
const IS_TOKEN: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  TOKEN_CHARACTERS.includes(String.fromCharCode(code)),
)

/** Index of the first character at or after `at` that is not a token character. @see RFC 9110 section 5.6.2 */
export function endOfToken(text: string, at: number): number {
  let end = at
  while (end < text.length && IS_TOKEN[text.charCodeAt(end)] === true) end++
  return end
}

/** Index of the first character at or after `at` that is neither space nor tab. */
export function skipBlanks(text: string, at: number): number {
  let end = at
  while (end < text.length && (text[end] === ' ' || text[end] === '\t')) end++
  return end
}

/**
 * Reads the quoted string that starts at `at`; `undefined` when it does not end or holds a control character.
 * @see RFC 9110 section 5.6.4
 */
export function readQuoted(
  text: string,
  at: number,
): { readonly value: string; readonly end: number } | undefined {
  let value = ''
  for (let index = at + 1; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '"') return { value, end: index + 1 }
    const taken = character === '\\' ? text.charAt(++index) : character
    if (taken === '' || (taken < ' ' && taken !== '\t') || taken === '\x7f') return undefined
    value += taken
  }
  return undefined
}
