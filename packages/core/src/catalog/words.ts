/** Words longer than this are cut; a search for a longer word still finds it. */
export const MAX_WORD_CHARACTERS = 40
/** Words of one record that can be found; further ones are left out. */
export const MAX_RECORD_WORDS = 64
/** Words of one query that steer the search; further ones are only checked on what was found. */
export const MAX_QUERY_WORDS = 16
/** Text beyond this is not looked at: a record's posting list stays small whatever hosts store in it. */
const MAX_TEXT_CHARACTERS = 2_048

// Scripts written without spaces have no words to split at: each of their characters is one.
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{N}\p{M}])+/gu

/**
 * The distinct words of a text, in order: NFKC, lower case, runs of letters, digits and marks.
 * `Crème_Brûlée-2024.JPG` gives `crème`, `brûlée`, `2024`, `jpg`. Never fails, whatever the text.
 * @param limit how many words at most
 */
export function wordsOf(text: string, limit: number = MAX_RECORD_WORDS): string[] {
  const words = new Set<string>()
  addWords(words, text, limit)
  return [...words]
}

/** Adds the words of a text until there are `limit`. */
export function addWords(words: Set<string>, text: string, limit: number): void {
  if (words.size >= limit) return
  const folded = text.slice(0, MAX_TEXT_CHARACTERS).normalize('NFKC').toLowerCase()
  for (const [run] of folded.matchAll(WORD)) {
    words.add(run.length <= MAX_WORD_CHARACTERS ? run : cut(run))
    if (words.size >= limit) return
  }
}

/** Cuts between code points: half of a surrogate pair has no UTF-8 form. */
function cut(run: string): string {
  const end = /[\uD800-\uDBFF]/.test(run.charAt(MAX_WORD_CHARACTERS - 1))
    ? MAX_WORD_CHARACTERS - 1
    : MAX_WORD_CHARACTERS
  return run.slice(0, end)
}
