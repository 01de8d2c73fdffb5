/**
 * PostgreSQL keeps neither NUL nor halves of surrogate pairs in a text. Hosts may store both, so each such character,
 * and the one that announces them, is written as that one and four hexadecimal digits. All other texts are kept as they are.
 */
const ANNOUNCER = '\u0001'
const REFUSED = /[\0\u0001]|\p{Surrogate}/gu

export function storeText(text: string): string {
  return text.replace(
    REFUSED,
    (character) => ANNOUNCER + character.charCodeAt(0).toString(16).padStart(4, '0'),
  )
}

// A pair of backslashes is one backslash of the text: what follows it is no escape.
const STORED = /\\\\|\\u0001([0-9a-f]{4})/g

/** Reads JSON that the database made of stored texts: the texts in it are those that were stored. */
export function readJson(json: string): unknown {
  return JSON.parse(
    json.includes('\\u0001')
      ? json.replace(STORED, (found, code: string | undefined) => (code === undefined ? found : `\\u${code}`))
      : json,
  )
}
